"""An audit as one picture: full rank against the size of subsets, the queries' spectrum, and the heads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from attncap.constraints import checked
from attncap.errors import InputError
from attncap.plots import theme

if TYPE_CHECKING:
    from attncap.audit import Audit, Layer

SIDE = 240


@checked
def audit_chart(audit: "Audit") -> alt.HConcatChart:
    """Draw what an audit found of every layer.

    Args:
        audit: the result of `attncap.audit.audit` with inputs.

    Raises:
        InputError: an audit of facts alone.
    """
    if not audit.layers:
        raise InputError("plot", "an audit of layers: give inputs", "facts alone")
    names = [f"{layer.layer}" for layer in audit.layers]
    hue = theme.colour("layer", names, theme.ramp(len(names)))
    panels = [_curve(audit.layers, hue), _spectrum(audit.layers, hue)]
    if any(layer.heads for layer in audit.layers):
        panels.append(_heads(audit.layers, hue))
    found = audit.layers[0].assumptions
    note = [f"{audit.model}; {audit.inputs}; colours: layers", f"dashed: n = {found.context} rows of a context"]
    title = "Do the theorems' assumptions hold?"
    return theme.finished(alt.HConcatChart(hconcat=panels), title, note, width=SIDE * len(panels))


def rank_curves(frame: pl.DataFrame, *, title: str, note: Sequence[str]) -> alt.LayerChart:
    """Draw shares of subsets of full rank, one line a series, with the intervals that are there.

    Args:
        frame: series, size (over the dimension), fraction, low, high (null where unknown).
        title: what it shows.
        note: its settings.
    """
    hue = theme.colour("series", frame["series"].unique(maintain_order=True).to_list())
    horizontal = theme.channel(alt.X, "size", "vectors in a subset over their dimension")
    drawn = [theme.rows(frame).mark_line(strokeWidth=theme.LINE).encode(horizontal, _full(), hue)]
    known = theme.rows(frame.drop_nulls("low"))
    drawn.append(known.mark_rule(strokeWidth=theme.THIN).encode(horizontal, alt.Y("low:Q"), alt.Y2("high:Q"), hue))
    return theme.finished(alt.LayerChart(layer=drawn).properties(width=420, height=SIDE), title, note)


def _full() -> Any:
    return theme.channel(alt.Y, "fraction", "share of subsets of full rank", domain=(0, 1))


def _curve(layers: "tuple[Layer, ...]", hue: Any) -> alt.LayerChart:
    rows = [
        {"layer": f"{layer.layer}", "size": each.size, "fraction": each.fraction, "low": each.low, "high": each.high}
        for layer in layers
        for each in layer.assumptions.curve
    ]
    data = theme.rows(pl.DataFrame(rows))
    horizontal = theme.channel(alt.X, "size", "queries in a subset", whole=True)
    lines = data.mark_line(strokeWidth=theme.LINE).encode(horizontal, _full(), hue)
    band = data.mark_rule(strokeWidth=theme.THIN, opacity=0.5).encode(horizontal, alt.Y("low:Q"), alt.Y2("high:Q"), hue)
    wanted = theme.rows(pl.DataFrame({"size": [layers[0].assumptions.context]}))
    edge = wanted.mark_rule(strokeDash=theme.DASHED, color=theme.GREY).encode(horizontal)
    return alt.LayerChart(layer=[edge, band, lines]).properties(width=SIDE, height=SIDE)


def _spectrum(layers: "tuple[Layer, ...]", hue: Any) -> alt.Chart:
    rows = [
        {"layer": f"{layer.layer}", "place": place, "value": float(value / layer.assumptions.values[0])}
        for layer in layers
        for place, value in enumerate(layer.assumptions.values.tolist(), 1)
        if value > 1e-20 * layer.assumptions.values[0]
    ]
    frame = pl.DataFrame(rows, schema={"layer": pl.String, "place": pl.Int64, "value": pl.Float64})
    horizontal = theme.channel(
        alt.X, "place", "singular values of all queries, the largest first", frame["place"], log=True
    )
    vertical = theme.channel(alt.Y, "value", "value over the largest", frame["value"], log=True)
    drawn = theme.rows(frame).mark_line(strokeWidth=theme.LINE).encode(horizontal, vertical, hue)
    return drawn.properties(width=SIDE, height=SIDE)


def _heads(layers: "tuple[Layer, ...]", hue: Any) -> alt.Chart:
    rows = [
        {"layer": f"{layer.layer}", "entropy": head.entropy, "largest": head.largest}
        for layer in layers
        for head in layer.heads
    ]
    horizontal = theme.channel(alt.X, "entropy", "entropy of a head's weights, bits", zero=True)
    vertical = theme.channel(alt.Y, "largest", "mean largest weight", domain=(0, 1))
    drawn = theme.rows(pl.DataFrame(rows)).mark_point(filled=True, size=theme.POINT, opacity=0.8)
    return drawn.encode(horizontal, vertical, hue).properties(width=SIDE, height=SIDE)
