"""Curves of the interpolation error: theory as lines, simulation as points with bars."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

    from attncap.interpolation import Interpolation

COLORS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#b279a2", "#72b7b2", "#9d755d", "#eeca3b")
AXES = {
    "ridge": "ridge γ",
    "ratio": "ratio c = p/n",
    "snr": "signal-to-noise ratio ρ = |μ|²",
    "alignment": "alignment κ",
    "features": "embedding dimension p",
}


BASELINE = "linear regression"


def curves(
    frame: "pl.DataFrame",
    x: str,
    *,
    title: str = "",
    subtitle: str = "",
    log_x: bool = True,
    log_y: bool = False,
    width: int = 420,
    height: int = 280,
) -> "alt.LayerChart":
    """Draw theory (lines) and simulation (points, one standard deviation) against one variable.

    Args:
        frame: columns ``x``, ``series`` (the legend), ``theory`` and, if simulated, ``mean`` and ``std``.
        x: name of the column on the horizontal axis.
        title: what the figure shows.
        subtitle: the setting.
        log_x: logarithmic horizontal axis.
        log_y: logarithmic vertical axis.
        width: in pixels, without the legend.
        height: in pixels.
    """
    import altair as alt
    import polars as pl

    horizontal = alt.X(
        f"{x}:Q",
        title=AXES.get(x, x),
        scale=alt.Scale(type="log" if log_x else "linear", nice=False),
        axis=alt.Axis(grid=False, format="~e" if x == "ridge" else "~g", tickCount=6),
    )

    def vertical(field: str) -> alt.Y:
        axis = alt.Axis(gridOpacity=0.4, format="~e" if log_y else "~g", tickCount=6)
        return alt.Y(
            field,
            title="interpolation error E",
            scale=alt.Scale(type="log" if log_y else "linear", zero=False),
            axis=axis,
        )

    names = frame["series"].unique(maintain_order=True).to_list()
    hues = ["#888888" if name.startswith(BASELINE) else COLORS[i % len(COLORS)] for i, name in enumerate(names)]
    color = alt.Color("series:N", title=None, sort=names, scale=alt.Scale(domain=names, range=hues))
    dashed = alt.when(f"slice(datum.series, 0, {len(BASELINE)}) == '{BASELINE}'").then(alt.value([5, 3]))
    lines = alt.Chart(frame.drop_nulls("theory")).mark_line(strokeWidth=1.8)
    layers = [lines.encode(horizontal, vertical("theory:Q"), color, strokeDash=dashed.otherwise(alt.value([1, 0])))]
    if "mean" in frame.columns:
        low = pl.max_horizontal(pl.col("mean") - pl.col("std"), pl.col("mean") / 10)  # a logarithmic axis has no zero
        points = frame.drop_nulls("mean").with_columns(low=low, high=pl.col("mean") + pl.col("std"))
        marks = alt.Chart(points)
        layers += [
            marks.mark_rule().encode(horizontal, vertical("low:Q"), alt.Y2("high:Q"), color),
            marks.mark_point(filled=True, size=40, opacity=1).encode(horizontal, vertical("mean:Q"), color),
        ]
    heading = alt.Title(title, subtitle=subtitle, anchor="start", fontSize=14)
    return alt.LayerChart(layer=layers).properties(title=heading, width=width, height=height)


def error_curve(result: "Interpolation", x: str) -> "alt.LayerChart":
    """Draw one prediction, with ridge regression beside it and the simulation if there is one.

    Args:
        result: a prediction over one range, or over two (the second one makes the colours).
        x: the range on the horizontal axis.
    """
    import polars as pl

    frame = result.frame()
    name = result.activation if isinstance(result.activation, str) else " + ".join(result.activation)
    others = [each for each in ("ratio", "ridge", "snr", "alignment") if each != x and frame[each].n_unique() > 1]
    label = pl.lit("", dtype=pl.String)
    for other in others:
        label = label + pl.lit(f", {other} ") + pl.col(other).round_sig_figs(3).cast(pl.String)
    own = frame.with_columns(series=pl.lit(name) + label)
    if result.simulated is not None:
        own = own.rename({"simulated_mean": "mean", "simulated_std": "std"})
    baseline = frame.with_columns(theory=pl.col("linear_regression"), series=pl.lit(BASELINE) + label)
    fixed = ", ".join(
        f"{each} = {frame[each][0]:g}" for each in ("ratio", "ridge", "snr", "alignment") if each not in (x, *others)
    )
    both = pl.concat([own, baseline], how="diagonal")
    return curves(both, x, title=f"Interpolation error of {name} attention", subtitle=fixed)
