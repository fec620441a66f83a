"""The capacity check: what is promised, constructed, trained and stored, in bits, on one picture."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import polars as pl

from attncap import bounds
from attncap.constraints import Count, checked
from attncap.errors import UnmetError
from attncap.palette import HUES, SIDES
from attncap.plots import theme
from attncap.tasks import Associations

if TYPE_CHECKING:
    from attncap.construct import Fit

# Label: the bound in the catalogue.
SERIES = {
    "promised: H dₕ + d associations": "dana2025",
    "promised: counted on this data": "corrected",
    "constructed: margin mode, measured": "margin",
    "constructed: method joint, measured": "joint",
    "trained: 2 bits per parameter": "allenzhu2025",
    "trained: 3.6 bits per parameter": "morris2025",
}
MEMORY = "this memory"


@checked
def capacity_check(
    task: Associations, embedding_dim: Count, head_dim: Count | None = None, fit: "Fit | None" = None
) -> alt.LayerChart:
    r"""Draw bits against heads at fixed $d$ and $d_h$, both on log scales.

    Lines: what the theorem promises, the corrected count on this data, what margin mode and method joint reached where
    their laws were measured, and the empirical 2 and 3.6 bits per parameter of trained language models; associations
    count the task's bits each. A rule stands at the task's size; with a fit, one point at what it memorized.

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
    return chart(task, embedding_dim, head_dim, fit.shape.heads if fit else None, fit.bits if fit else None)


def chart(
    task: Associations, embedding_dim: int, head_dim: int, heads: int | None, held: float | None
) -> alt.LayerChart:
    """Draw `capacity_check` of a number of heads and of the bits that they hold.

    A task whose answers are certain holds no bits; it is counted in associations.
    """
    needed = heads or max(1, round((task.associations - embedding_dim) / head_dim))
    lines = pl.DataFrame(
        list(promised(task, embedding_dim, head_dim, _grid(2 * needed))),
        schema=["series", "heads", "associations", "bits"],
        orient="row",
    )
    unit, size = ("bits", task.bits) if task.bits else ("associations", float(task.associations))
    point = max(held or 0.0, 0.5)
    values = [*lines[unit], size, *([point] if heads and task.bits else [])]
    x = theme.channel(alt.X, "heads", "heads H", lines["heads"], log=True)
    y = theme.channel(alt.Y, unit, unit, log=True, domain=[min(values) / 1.3, 1.3 * max(values)])
    names = [name for name in SERIES if name in lines["series"].to_list()]
    hues, dashes = zip(*(SIDES[SERIES[name]] for name in names), strict=True)
    colour = theme.colour("series", names, [HUES[hue][0] for hue in hues])
    dash = theme.dash("series", names, dashes)
    told = [
        "series:N",
        alt.Tooltip("heads:Q"),
        alt.Tooltip("bits:Q", format=",.0f"),
        alt.Tooltip("associations:Q", format=",.0f"),
    ]
    layers = [
        theme.rows(lines).mark_line(strokeWidth=theme.LINE).encode(x, y, colour, dash, tooltip=told),
        theme.rows(pl.DataFrame({unit: [size]})).mark_rule(color=theme.PURPLE).encode(y=y),
        theme.rows(pl.DataFrame({unit: [size], "text": [_size(task)]}))
        .mark_text(align="left", dy=-7, dx=6, color=theme.DARK, fontSize=11)
        .encode(x=alt.value(0), y=y, text="text:N"),
    ]
    if heads and task.bits:
        layers += _memory(heads, point, held or 0.0, x, y)
    sizes = f"d = {embedding_dim}, dₕ = {head_dim}, N = {task.vocabulary_size:,}, S = {task.context}"
    drawn = alt.LayerChart(layer=layers).properties(width=520, height=340)
    return theme.finished(drawn, f"Capacity check: {task.name}", sizes, width=520)


def promised(
    task: Associations, embedding_dim: int, head_dim: int, heads: Iterable[int]
) -> Iterator[tuple[str, int, float, float]]:
    """Yield (series, heads, associations, bits) of every series of `SERIES` where it has a value."""
    each = task.bits / task.associations
    shape = {
        "embedding_dim": embedding_dim,
        "head_dim": head_dim,
        "vocabulary": task.vocabulary_size,
        "context": task.context,
        "data_rank": task.data_rank,
        "queries": task.queries,
        # One answer alone has nobody to lead.
        "answers": max(2, len(np.unique(task.answers))),
    }
    grid = list(heads)
    for label, bound in SERIES.items():
        in_bits = bounds.CATALOGUE[bound].unit == "bits"
        if in_bits and each == 0:
            continue
        for number in grid:
            try:
                value = float(bounds.value(bound, heads=number, **shape))
            except UnmetError:
                # A measured law says nothing outside the shapes it was measured at.
                continue
            yield label, number, value / each if in_bits else value, value if in_bits else value * each


def _size(task: Associations) -> str:
    return f"the task: {task.associations:,} associations, {task.bits:,.0f} bits"


def _grid(largest: int) -> list[int]:
    return sorted({int(h) for h in np.geomspace(1, max(2, largest), 60).round()})


def _memory(heads: int, point: float, held: float, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Mark the one memory that the check is about."""
    frame = pl.DataFrame(
        {"heads": [heads], "bits": [point], "memory": [MEMORY], "text": [f"{MEMORY}: {held:,.0f} bits"]}
    )
    told = ["memory:N", "heads:Q", alt.Tooltip("bits:Q", format=",.0f")]
    mark = theme.rows(frame).mark_point(size=150, filled=True, opacity=1, color=theme.BLACK, shape="diamond")
    # The one side that has room on the logarithmic axis, which ends at twice the heads.
    side: dict[str, Any] = {"align": "right", "dx": -10} if heads > 2 else {"align": "left", "dx": 10}
    looks: list[dict[str, Any]] = [{"stroke": "white", "strokeWidth": 5.0}, {}]
    texts = [theme.rows(frame).mark_text(**side, dy=16, fontWeight="bold", **look) for look in looks]
    return [*(text.encode(x=x, y=y, text="text:N") for text in texts), mark.encode(x=x, y=y, tooltip=told)]
