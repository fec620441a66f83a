"""What none of the papers shows: capacity promised, constructed and trained, on the same shapes."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from attncap import bounds
from attncap.bounds.values import complete
from attncap.papers.figure import Drawing, Figure
from attncap.papers.stored import stored
from attncap.plots.experiments import capacities_chart

SHAPE = {"vocabulary": 50, "context": 2, "embedding_dim": 10}
HEADS = {"quick": (1, 4, 11), "paper": (1, 2, 4, 6, 8, 11, 16)}
SEEDS = {"quick": 3, "paper": 5}
PROMISED, CONSTRUCTED, TRAINED = "promised: theorem", "constructed: margin mode", "trained: recipe best"
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
    size = ", ".join(f"{letter} = {SHAPE[name]}" for letter, name in LETTERS.items())
    everything = SHAPE["vocabulary"] ** SHAPE["context"]
    chart = capacities_chart(
        pl.DataFrame(rows),
        everything={f"all {everything:,} sequences": everything},
        rates={f"{value:g}: {source}": value for source, value in EMPIRICAL.items()},
        title=TITLE,
        note=f"{size}, dₕ = d; all recalled; bars: median and range of {SEEDS[scale]} models",
    )
    return Drawing({"capacities": rows}, pl.DataFrame(rows), chart)


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


FIGURES = (Figure("capacities", TITLE, {"bits per parameter": EMPIRICAL}, capacities),)
