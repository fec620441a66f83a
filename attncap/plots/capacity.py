"""The capacity check: what is promised, constructed and stored, on one picture."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import altair as alt
import numpy as np
import polars as pl

from attncap import bounds
from attncap.measure import Recall
from attncap.tasks import Associations

if TYPE_CHECKING:
    from attncap.construct import Fit

# Label: the bound in the catalogue, colour, dashes.
SERIES: dict[str, tuple[str, str, list[int]]] = {
    "theorem: H d_h + d": ("dana2025", "#1b6ca8", [1, 0]),
    "count on this data": ("corrected", "#e07b39", [7, 4]),
    "2 bits per parameter": ("allenzhu2025", "#8a8a8a", [2, 2]),
    "3.6 bits per parameter": ("morris2025", "#5a5a5a", [6, 3]),
}
SHAPES = {"float64": "circle", "float32": "diamond", "bfloat16": "cross"}


def capacity_check(
    task: Associations, embedding_dim: int, head_dim: int | None = None, fit: "Fit | None" = None
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
    values = [*lines["associations"], task.associations]
    domain = [10 ** np.floor(np.log10(min(values))), 10 ** np.ceil(np.log10(max(values)))]
    x = alt.X(
        "heads:Q", title="heads H", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="d", gridOpacity=0.35)
    )
    y = alt.Y("associations:Q", title="associations", scale=alt.Scale(type="log", domain=domain), axis=_axis("left"))
    names = [name for name in SERIES if name in lines["series"].to_list()]
    colour = alt.Color("series:N", title=None, scale=alt.Scale(domain=names, range=[SERIES[n][1] for n in names]))
    dash = alt.StrokeDash("series:N", title=None, scale=alt.Scale(domain=names, range=[SERIES[n][2] for n in names]))
    layers = [
        alt.Chart(lines).mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash),
        alt.Chart(pl.DataFrame({"associations": [task.associations]})).mark_rule(color="#b03060").encode(y=y),
        _size_label(task, y),
    ]
    if recalled and heads:
        layers.append(_points(recalled, heads, x, y))
    left = alt.LayerChart(layer=layers)
    if each == 0:
        return _titled(left, task, embedding_dim, head_dim)
    bits = alt.Y(
        "bits:Q", title="bits", scale=alt.Scale(type="log", domain=[v * each for v in domain]), axis=_axis("right")
    )
    right = alt.Chart(lines).mark_line(opacity=0).encode(x=x, y=bits)
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
    mark = alt.Chart(frame).mark_point(size=110, strokeWidth=1.8, color="#222222", filled=False)
    return mark.encode(
        x=x, y=y, shape=alt.Shape("recalled:N", title=None, scale=alt.Scale(domain=labels, range=shapes))
    )


def _size_label(task: Associations, y: alt.Y) -> alt.Chart:
    text = f"the task: {task.associations:,} associations, {task.bits:,.0f} bits"
    frame = pl.DataFrame({"associations": [task.associations], "text": [text]})
    mark = alt.Chart(frame).mark_text(align="left", dy=-7, dx=6, color="#b03060")
    return mark.encode(x=alt.value(0), y=y, text="text:N")


def _axis(side: Literal["left", "right"]) -> alt.Axis:
    return alt.Axis(orient=side, format="~s", tickCount=6, grid=side == "left", gridOpacity=0.35)


def _titled(drawn: alt.LayerChart, task: Associations, embedding_dim: int, head_dim: int) -> alt.LayerChart:
    title = alt.Title(
        f"Capacity check: {task.name}",
        subtitle=f"d = {embedding_dim}, d_h = {head_dim}, N = {task.vocabulary_size:,}, S = {task.context}",
    )
    return drawn.properties(width=520, height=340, title=title).configure_view(stroke=None)
