"""What none of the papers shows: capacity promised, constructed and trained, on the same shapes."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from attncap import bounds
from attncap.bounds.values import complete
from attncap.papers.figure import Drawing, Figure
from attncap.papers.stored import stored

if TYPE_CHECKING:
    import altair as alt

SHAPE = {"vocabulary": 50, "context": 2, "embedding_dim": 10}
HEADS = {"quick": (1, 4, 11), "paper": (1, 2, 4, 6, 8, 11, 16)}
SEEDS = {"quick": 3, "paper": 5}
# What each series is called and drawn in.
PROMISED, CONSTRUCTED, TRAINED = "promised: theorem", "constructed: margin mode", "trained: recipe best"
COLORS = {PROMISED: "#8a8a8a", CONSTRUCTED: "#1b6ca8", TRAINED: "#e07b39"}
METHODS = {CONSTRUCTED: "margin", TRAINED: "train"}
LETTERS = {"N": "vocabulary", "S": "context", "d": "embedding_dim"}
# Bits per parameter of language models, from the catalogue.
EMPIRICAL = {
    name: float(bounds.value(id, parameters=1))
    for name, id in (("Allen-Zhu & Li 2025", "allenzhu2025"), ("Morris et al. 2025", "morris2025"))
}
TITLE = "Promised, constructed and trained on the same shapes"


def capacities(scale: str, seed: int) -> Drawing:
    """Search the capacity of each shape by each method, and draw it over what is promised."""
    points = [(series, heads) for series in METHODS for heads in HEADS[scale]]
    shared = {**SHAPE, "seeds": SEEDS[scale], "seed": seed}
    cells = [{**shared, "heads": heads, "method": METHODS[series]} for series, heads in points]
    reached = stored("capacity", cells)["seeds"].to_list()
    rows = [row(PROMISED, heads, [promised(heads)]) for heads in HEADS[scale]]
    rows += [row(*point, counts) for point, counts in zip(points, reached, strict=True)]
    return Drawing({"capacities": rows}, pl.DataFrame(rows), chart(pl.DataFrame(rows), SEEDS[scale]))


def shape(heads: int) -> Mapping[str, Any]:
    """Return all sizes with so many heads."""
    return complete({**SHAPE, "head_dim": SHAPE["embedding_dim"], "heads": heads})


def promised(heads: int) -> int:
    """Return the theorem's count."""
    return int(bounds.value("dana2025", **shape(heads)))


def row(series: str, heads: int, reached: Sequence[int]) -> dict[str, Any]:
    """Return what the median seed holds: associations, with the range over the seeds, and their bits."""
    count = statistics.median_low(reached)
    bits = count * math.log2(SHAPE["vocabulary"])
    return {
        "series": series,
        "heads": heads,
        "associations": count,
        "low": min(reached),
        "high": max(reached),
        "bits": bits,
        "bits_per_parameter": bits / shape(heads)["parameters"],
    }


def chart(table: pl.DataFrame, seeds: int) -> "alt.TopLevelMixin":
    """Draw associations (left) and bits per parameter (right) against heads."""
    import altair as alt

    color = alt.Color("series:N", title=None, sort=None, scale=alt.Scale(domain=[*COLORS], range=[*COLORS.values()]))
    x = alt.X("heads:Q", title="heads H", axis=alt.Axis(grid=False, format="d"))

    def y(name: str, title: str, kind: Literal["log", "linear"]) -> alt.Y:
        return alt.Y(f"{name}:Q", title=title, scale=alt.Scale(type=kind), axis=alt.Axis(format="~s", gridOpacity=0.4))

    def rules(values: Mapping[str, float | int], name: str, axis: alt.Y) -> alt.LayerChart:
        levels = pl.DataFrame({"label": [*values], name: [*values.values()]})
        base = alt.Chart(levels).encode(axis)
        line = base.mark_rule(strokeDash=[4, 3], color="#5a5a5a")
        text = base.mark_text(align="right", dy=-6, dx=-4, color="#5a5a5a").encode(x=alt.value(340), text="label:N")
        return alt.LayerChart(layer=[line, text])

    base = alt.Chart(table)
    count, rate = y("associations", "associations", "log"), y("bits_per_parameter", "bits per parameter", "linear")
    everything = SHAPE["vocabulary"] ** SHAPE["context"]
    left = [
        base.mark_line(point=True).encode(x, count, color),
        base.mark_rule().encode(x, alt.Y("low:Q"), alt.Y2("high"), color),
        rules({f"all {everything:,} sequences": everything}, "associations", count),
    ]
    empirical = {f"{value:g}: {source}": value for source, value in EMPIRICAL.items()}
    right = [
        base.mark_line(point=True).encode(x, rate, color),
        rules(empirical, "bits_per_parameter", rate),
    ]
    size = ", ".join(f"{letter} = {SHAPE[name]}" for letter, name in LETTERS.items())
    title = alt.Title(TITLE, subtitle=f"{size}, d_h = d; all recalled; median and range of {seeds}", anchor="start")
    panels = (alt.LayerChart(layer=layers).properties(width=340, height=280) for layers in (left, right))
    return alt.hconcat(*panels).properties(title=title)


FIGURES = (Figure("capacities", TITLE, {"bits per parameter": EMPIRICAL}, capacities),)
