"""Curves of the interpolation error: the limit as lines, simulation as points with bars."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import polars as pl

from attncap.plots import theme

if TYPE_CHECKING:
    from attncap.interpolation import Interpolation

AXES = {
    "ridge": "ridge γ",
    "ratio": "ratio c = p/n",
    "snr": "signal-to-noise ratio ρ = |μ|²",
    "alignment": "alignment κ",
    "features": "embedding dimension p",
}
RANGES = ("ratio", "ridge", "snr", "alignment")
BASELINE = "linear regression"
BARS = "lines: limit; points: mean of the simulated draws ± standard error"
# Series beyond these have no room in a legend.
MOST = 12


def curves(
    frame: pl.DataFrame, x: str, *, title: str = "", note: str | Sequence[str] = "", width: int = 420, **look: Any
) -> alt.LayerChart:
    """Draw the limit (lines) and simulation (points, one standard error) against one variable.

    Args:
        frame: columns ``x``, ``series`` (the legend), ``theory`` and, if simulated, ``mean`` and ``stderr``.
        x: name of the column on the horizontal axis.
        title: what the figure shows.
        note: the setting; what the marks mean is added.
        width: in pixels, without the legend.
        look: ``log_x``, ``log_y`` and ``colours`` (of the series), as `layers` takes them.
    """
    notes = [note] if isinstance(note, str) else [*note]
    marks = [BARS] if "mean" in frame.columns else []
    return theme.finished(layers(frame, x, width=width, **look), title, [*filter(None, notes), *marks], width=width)


def panels(
    frames: Mapping[str, pl.DataFrame], x: str, *, title: str, note: str | Sequence[str], **look: Any
) -> alt.HConcatChart:
    """Draw several frames side by side on one vertical scale, each under its name."""
    notes = [note] if isinstance(note, str) else [*note]
    drawn = [
        layers(frame, x, width=300, height=240, legend=name == list(frames)[-1], **look).properties(title=name)
        for name, frame in frames.items()
    ]
    both = alt.HConcatChart(hconcat=drawn).resolve_scale(y="shared")
    return theme.finished(both, title, [*notes, BARS], width=300 * len(drawn))


def layers(
    frame: pl.DataFrame,
    x: str,
    *,
    log_x: bool = True,
    log_y: bool = False,
    colours: Mapping[str, str] | None = None,
    legend: bool = True,
    width: int = 420,
    height: int = 280,
) -> alt.LayerChart:
    """Draw `curves` without its title: linear regression dashed, in grey unless ``colours`` says otherwise."""
    limit = frame.drop_nulls("theory")
    names, lined = (each["series"].unique(maintain_order=True).to_list() for each in (frame, limit))
    hues = dict(zip(names, theme.styles(names)[0], strict=True)) | {BASELINE: theme.GREY} | dict(colours or {})
    dashes = [theme.DASHED if name.startswith(BASELINE) else theme.SOLID for name in lined]
    shown = {} if len(lined) <= MOST else {"values": [name for name in lined if not name.startswith(BASELINE)]}
    kinds = ("stroke", "circle") if legend else (None, None)
    colour = theme.colour("series", lined, [hues[name] for name in lined], kind=kinds[0], **shown)
    dash = theme.dash("series", lined, dashes, kind=kinds[0], **shown)
    dotted = [name for name in names if name not in lined]
    points = theme.colour("series", dotted, [hues[name] for name in dotted], kind=kinds[1]) if dotted else colour
    simulated = frame.drop_nulls("mean") if "mean" in frame.columns else frame.clear()
    if len(simulated):
        low = pl.col("mean") - pl.col("stderr")
        # A logarithmic axis has no zero.
        low = pl.max_horizontal(low, pl.col("mean") / 10) if log_y else low
        simulated = simulated.with_columns(low=low, high=pl.col("mean") + pl.col("stderr"))
    heights = [*frame["theory"].drop_nulls(), *(simulated[name] for name in ("low", "high") if len(simulated))]
    horizontal = theme.channel(alt.X, x, AXES.get(x, x), frame[x], log=log_x)

    def vertical(field: str) -> alt.Y:
        return theme.channel(alt.Y, field, "interpolation error E", np.hstack(heights), log=log_y)

    lines = theme.rows(limit)
    drawn = [lines.mark_line(strokeWidth=theme.LINE).encode(horizontal, vertical("theory"), colour, dash)]
    if limit[x].n_unique() == 1:
        drawn.append(lines.mark_point(filled=True, opacity=1).encode(horizontal, vertical("theory"), colour))
    for own, hue in ((lined, colour), (dotted, points)):
        some = simulated.filter(pl.col("series").is_in(own))
        if len(some):
            mean = theme.rows(some).mark_point(filled=True, size=theme.POINT, opacity=1)
            bars = theme.rows(some).mark_rule().encode(horizontal, vertical("low"), alt.Y2("high:Q"), hue)
            drawn.append(alt.layer(bars, mean.encode(horizontal, vertical("mean"), hue)))
    whole = alt.LayerChart(layer=drawn).resolve_scale(color="independent") if dotted else alt.LayerChart(layer=drawn)
    return whole.properties(width=width, height=height)


def _valued(name: str, value: float) -> str:
    return f", {name} {value:.3g}"


def error_curve(result: "Interpolation", x: str | None = None) -> alt.LayerChart:
    """Draw one prediction, with linear regression beside it (dashed) and the simulation if there is one.

    Args:
        result: a prediction over one range, or over several (the others make the colours).
        x: the range on the horizontal axis; the longest by default.
    """
    frame = result.frame()
    lengths = {each: frame[each].n_unique() for each in RANGES}
    x = x or max(RANGES, key=lambda each: lengths[each])
    others = [each for each in RANGES if each != x and lengths[each] > 1]
    name = result.activation if isinstance(result.activation, str) else " + ".join(result.activation)
    label = pl.lit("", dtype=pl.String)
    for other in others:
        label = label + pl.col(other).map_elements(partial(_valued, other), return_dtype=pl.String)
    own = frame.with_columns(series=pl.lit(name) + label)
    if result.simulated is not None:
        own = own.rename({"simulated_mean": "mean", "simulated_stderr": "stderr"})
    baseline = frame.with_columns(theory=pl.col("linear_regression"), series=pl.lit(BASELINE) + label)
    labels = own.with_columns(label=label)["label"].unique(maintain_order=True).to_list()
    hues = theme.ramp(len(labels)) if len(labels) > len(theme.COLOURS) else theme.styles(labels)[0]
    pairs = zip(labels, hues, strict=True)
    colours = {kind + each: hue for each, hue in pairs for kind in (name, BASELINE)} if others else None
    fixed = ", ".join(f"{each} {frame[each][0]:g}" for each in RANGES if each not in (x, *others))
    note = [fixed, f"dashed: {BASELINE} of the same colour"] if others else [fixed]
    both = pl.concat([own, baseline], how="diagonal")
    return curves(both, x, title=f"Interpolation error of {name} attention", note=note, colours=colours)
