"""The capacity check: what is promised, constructed and stored, on one picture."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import polars as pl

from attncap import bounds
from attncap.constraints import Count, checked
from attncap.measure import Recall
from attncap.plots import theme
from attncap.tasks import Associations

if TYPE_CHECKING:
    from attncap.construct import Fit

# Label: the bound in the catalogue, colour, dashes.
SERIES: dict[str, tuple[str, str, list[int]]] = {
    "theorem: H dₕ + d": ("dana2025", theme.BLUE, theme.SOLID),
    "count on this data": ("corrected", theme.VERMILION, theme.DASHED),
    "2 bits per parameter": ("allenzhu2025", theme.GREY, theme.DOTTED),
    "3.6 bits per parameter": ("morris2025", theme.DARK, theme.DASHDOT),
}
SHAPES = {"float64": "circle", "float32": "diamond", "bfloat16": "cross"}


@checked
def capacity_check(
    task: Associations, embedding_dim: Count, head_dim: Count | None = None, fit: "Fit | None" = None
) -> alt.LayerChart:
    r"""Draw associations (left) and bits (right) against heads at fixed $d$ and $d_h$, both on log scales.

    Lines: the theorem, the corrected count on this data, and the empirical 2 and 3.6 bits per parameter of trained
    language models; a rule at the task's size; with a fit, the associations it recalls in each type.

    Args:
        task: what is to be memorized.
        embedding_dim: $d$.
        head_dim: $d_h$; $d$ by default.
        fit: a model that memorized the task.

    Returns:
        The chart; save it with `attncap.plots.save`.

    Example:
        >>> from attncap.tasks import random_associations
        >>> chart = capacity_check(random_associations(50, 2, 500), embedding_dim=10)
    """
    head_dim = embedding_dim if head_dim is None else head_dim
    recalled = {} if fit is None else fit.recall
    return chart(task, embedding_dim, head_dim, recalled, fit.shape.heads if fit else None)


def chart(
    task: Associations, embedding_dim: int, head_dim: int, recalled: Mapping[str, Recall], heads: int | None
) -> alt.LayerChart:
    """Draw `capacity_check` from what an archive keeps of a fit."""
    each = task.bits / task.associations
    needed = heads or max(1, round((task.associations - embedding_dim) / head_dim))
    lines = _lines(task, embedding_dim, head_dim, _grid(2 * needed), each)
    values = [*lines["associations"], task.associations, *(max(each.correct, 0.5) for each in recalled.values())]
    domain = [10 ** np.floor(np.log10(min(values))), 10 ** np.ceil(np.log10(max(values)))]
    x = theme.channel(alt.X, "heads", "heads H", lines["heads"], log=True)
    y = theme.channel(alt.Y, "associations", "associations", log=True, domain=domain, orient="left")
    names = [name for name in SERIES if name in lines["series"].to_list()]
    colour = theme.colour("series", names, [SERIES[name][1] for name in names])
    dash = theme.dash("series", names, [SERIES[name][2] for name in names])
    layers = [
        theme.rows(lines).mark_line(strokeWidth=theme.LINE).encode(x, y, colour, dash),
        theme.rows(pl.DataFrame({"associations": [task.associations]})).mark_rule(color=theme.PURPLE).encode(y=y),
        _size_label(task, y),
    ]
    if recalled and heads:
        layers.append(_points(recalled, heads, x, y))
    left = alt.LayerChart(layer=layers)
    if each == 0:
        return _titled(left, task, embedding_dim, head_dim)
    ends = [value * each for value in domain]
    bits = theme.channel(alt.Y, "bits", "bits", log=True, domain=ends, orient="right", grid=False)
    right = theme.rows(lines).mark_line(opacity=0).encode(x=x, y=bits)
    both = alt.LayerChart(layer=[left, right]).resolve_scale(y="independent")
    return _titled(both, task, embedding_dim, head_dim)


def _grid(largest: int) -> list[int]:
    return sorted({int(h) for h in np.geomspace(1, max(2, largest), 60).round()})


def _lines(task: Associations, embedding_dim: int, head_dim: int, grid: list[int], each: float) -> pl.DataFrame:
    shape = {
        "embedding_dim": embedding_dim,
        "head_dim": head_dim,
        "vocabulary": task.vocabulary_size,
        "context": task.context,
        "data_rank": task.data_rank,
        "queries": task.queries,
    }
    rows = []
    for label, (bound, *_) in SERIES.items():
        in_bits = bounds.CATALOGUE[bound].unit == "bits"
        if in_bits and each == 0:
            continue
        scale = 1 / each if in_bits else 1.0
        rows += [(label, heads, scale * bounds.value(bound, heads=heads, **shape)) for heads in grid]
    frame = pl.DataFrame(rows, schema=["series", "heads", "associations"], orient="row", strict=False)
    return frame.with_columns(bits=pl.col("associations") * each)


def _points(recalled: Mapping[str, Recall], heads: int, x: alt.X, y: alt.Y) -> alt.Chart:
    counts = [max(recall.correct, 0.5) for recall in recalled.values()]
    labels = [f"{dtype}: {recall.correct:,} recalled" for dtype, recall in recalled.items()]
    frame = pl.DataFrame({"heads": [heads] * len(counts), "associations": counts, "recalled": labels})
    shapes = [SHAPES[dtype] for dtype in recalled]
    mark = theme.rows(frame).mark_point(size=110, strokeWidth=theme.LINE, color=theme.BLACK, filled=False)
    scale = alt.Scale(domain=labels, range=shapes)
    return mark.encode(x=x, y=y, shape=alt.Shape("recalled:N", title=None, scale=scale))


def _size_label(task: Associations, y: alt.Y) -> alt.Chart:
    text = f"the task: {task.associations:,} associations, {task.bits:,.0f} bits"
    frame = pl.DataFrame({"associations": [task.associations], "text": [text]})
    mark = theme.rows(frame).mark_text(align="left", dy=-7, dx=6, color=theme.PURPLE)
    return mark.encode(x=alt.value(0), y=y, text="text:N")


def _titled(drawn: alt.LayerChart, task: Associations, embedding_dim: int, head_dim: int) -> alt.LayerChart:
    sizes = f"d = {embedding_dim}, dₕ = {head_dim}, N = {task.vocabulary_size:,}, S = {task.context}"
    return theme.finished(drawn.properties(width=520, height=340), f"Capacity check: {task.name}", sizes, width=520)
