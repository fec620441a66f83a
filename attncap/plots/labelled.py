"""Attention layers on labelled examples: sweeps of trained accuracy, capacities side by side, ranks of subsets."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from attncap.plots import theme

AXES = {"heads": "heads H", "context": "context size n", "head_dim": "head dimension dₕ", "size": "queries in a subset"}
SIZE = {"width": 360, "height": 280}


def sweep_chart(points: pl.DataFrame, *, x: str, y: str, title: str, note: str | Sequence[str]) -> alt.TopLevelMixin:
    """Draw accuracy along x, a line for each number of examples; points that have not converged are open.

    Args:
        points: columns ``examples``, ``x``, ``accuracy``, ``low``, ``high`` and ``converged``.
        x: name of the column on the horizontal axis.
        y: what accuracy is called.
        title: what the figure shows.
        note: lines of the subtitle.
    """
    labelled = points.with_columns(line=pl.format("T = {}", "examples"))
    names = labelled["line"].unique(maintain_order=True).to_list()
    colour = theme.colour("line", names, theme.ramp(len(names)))
    base = theme.rows(labelled)
    horizontal = theme.channel(alt.X, x, AXES[x], whole=True)
    vertical = theme.channel(alt.Y, "accuracy", y, zero=True)
    fill = alt.condition("datum.converged", alt.value(1.0), alt.value(0.0))
    layers = [
        base.mark_line(strokeWidth=theme.LINE).encode(horizontal, vertical, colour),
        base.mark_rule().encode(horizontal, alt.Y("low:Q"), alt.Y2("high"), colour),
        base.mark_circle(size=theme.POINT, stroke="black", strokeWidth=0.8).encode(
            horizontal, vertical, colour, fillOpacity=fill
        ),
    ]
    return theme.finished(alt.LayerChart(layer=layers).properties(**SIZE), title, note, width=SIZE["width"])


def counts_chart(table: pl.DataFrame, *, x: str, title: str, note: str | Sequence[str]) -> alt.TopLevelMixin:
    """Draw examples (left) and bits per parameter (right) along x, a line for each series.

    Args:
        table: columns ``series``, ``x``, ``examples``, ``low``, ``high`` and ``bits_per_parameter`` (null where a
            series has none).
        x: name of the column on the horizontal axis.
        title: what the figure shows.
        note: lines of the subtitle.
    """
    names = table["series"].unique(maintain_order=True).to_list()
    colours, dashes = theme.styles(names)
    look = theme.colour("series", names, colours), theme.dash("series", names, dashes)
    horizontal = theme.channel(alt.X, x, AXES[x], whole=True)
    count = theme.channel(alt.Y, "examples", "examples", [*table["low"], *table["high"]], log=True)
    rate = theme.channel(alt.Y, "bits_per_parameter", "bits per parameter", zero=True)
    base, rated = theme.rows(table), theme.rows(table.drop_nulls("bits_per_parameter"))
    left = [
        base.mark_line(point=True).encode(horizontal, count, *look),
        base.mark_rule().encode(horizontal, alt.Y("low:Q"), alt.Y2("high"), look[0]),
    ]
    panels = [
        alt.LayerChart(layer=left).properties(**SIZE),
        rated.mark_line(point=True).encode(horizontal, rate, *look).properties(**SIZE),
    ]
    return theme.finished(alt.hconcat(*panels), title, note, width=2 * SIZE["width"])


def shares_chart(table: pl.DataFrame, *, x: str, y: str, title: str, note: str | Sequence[str]) -> alt.TopLevelMixin:
    """Draw numbers along x, a line for each series.

    Args:
        table: columns ``series``, ``x`` and ``value``.
        x: name of the column on the horizontal axis.
        y: what the numbers are.
        title: what the figure shows.
        note: lines of the subtitle.
    """
    names = table["series"].unique(maintain_order=True).to_list()
    line = theme.rows(table).mark_line(point=True, strokeWidth=theme.LINE)
    axis = theme.channel(alt.X, x, AXES.get(x, x), whole=True)
    drawn = line.encode(axis, theme.channel(alt.Y, "value", y, zero=True), theme.colour("series", names))
    return theme.finished(drawn.properties(**SIZE), title, note, width=SIZE["width"])
