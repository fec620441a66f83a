"""Accuracies over an experiment's axis with the published ones and the floors; slopes; capacities side by side."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import polars as pl

from attncap.plots import theme

AXES = {
    "heads": "heads H",
    "head_dim": "head dimension dₕ",
    "embedding_dim": "embedding dimension d",
    "parameters": "parameters, as the paper counts them",
}
KINDS = {"attention": theme.SOLID, "perceptron": theme.DASHED}
SHAPES = {"attention": "circle", "perceptron": "square"}
# What a floor is called, its colour and dashes.
FLOORS = {
    "theorem": ("Corollary 2, published", theme.BLACK, theme.DOTTED),
    "previous": ("previous bound, published", theme.GREY, theme.DASHED),
    "previous_corrected": ("previous bound, corrected to H + 1 (ours)", theme.GREY, theme.DASHDOT),
    "corrected": ("Corollary 2, counted on these data (ours)", theme.VERMILION, theme.DOTTED),
    "random": ("random", theme.GREY, theme.SOLID),
}
PUBLISHED = "published"
SIZE = {"width": 360, "height": 280}


def accuracy_chart(
    means: pl.DataFrame,
    floors: pl.DataFrame,
    *,
    x: str,
    title: str,
    note: str | Sequence[str],
    panels: Mapping[str, str],
) -> alt.TopLevelMixin:
    """Draw measured means with their range, the published points as open marks, and floors.

    Args:
        means: columns ``panel``, ``line`` (the colour), ``kind`` (attention or perceptron: the dashes), ``x``,
            ``accuracy``, ``low``, ``high`` and ``published``.
        floors: columns ``floor`` (a name in `FLOORS`), ``x`` and ``accuracy``; may be empty.
        x: name of the column on the horizontal axis.
        title: what the figure shows.
        note: lines of the subtitle.
        panels: headings by the values of ``panel``.
    """
    top = float(np.ceil(5 * means.select(pl.max_horizontal("high", "published").max()).item()) / 5)
    names = means["line"].unique(maintain_order=True).to_list()
    kinds = [kind for kind in KINDS if kind in means["kind"]]
    horizontal = theme.channel(alt.X, x, AXES[x], whole=x != "parameters", format="~s" if x == "parameters" else "d")

    def y(field: str) -> alt.Y:
        return theme.channel(alt.Y, field, "accuracy", domain=(0.0, top))

    drawn = []
    for place, (panel, heading) in enumerate(panels.items(), 1):
        legend = "stroke" if place == len(panels) else None
        colour = theme.colour("line", names, theme.ramp(len(names)), kind=legend)
        dash = theme.dash("kind", kinds, [KINDS[kind] for kind in kinds], kind=legend if len(kinds) > 1 else None)
        base = theme.rows(means.filter(panel=panel))
        shape = alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=[SHAPES[kind] for kind in kinds]), legend=None)
        published = base.mark_point(size=46, strokeWidth=1.4, filled=False, opacity=1)
        lines = [
            base.mark_line(strokeWidth=theme.LINE).encode(horizontal, y("accuracy"), colour, dash),
            base.mark_rule().encode(horizontal, y("low"), alt.Y2("high"), colour),
            published.encode(horizontal, y("published"), colour, shape),
        ]
        below = [_floors(floors, horizontal, y("accuracy"), legend)] if len(floors) else []
        layer = alt.layer(*below, alt.layer(*lines)).resolve_scale(color="independent", strokeDash="independent")
        drawn.append(layer.properties(title=heading, **SIZE))
    whole = drawn[0] if len(drawn) == 1 else alt.hconcat(*drawn)
    return theme.finished(whole, title, note, width=SIZE["width"] * len(drawn))


def _floors(floors: pl.DataFrame, x: alt.X, y: alt.Y, legend: str | None) -> alt.Chart:
    names = [name for name in FLOORS if name in floors["floor"]]
    labels, colours, dashes = zip(*(FLOORS[name] for name in names), strict=True)
    named = floors.with_columns(pl.col("floor").replace_strict(dict(zip(names, labels, strict=True))))
    look = (theme.colour("floor", labels, colours, kind=legend), theme.dash("floor", labels, dashes, kind=legend))
    return theme.rows(named).mark_line(strokeWidth=theme.THIN).encode(x, y, *look)


def slope_chart(table: pl.DataFrame, *, title: str, note: str | Sequence[str]) -> alt.TopLevelMixin:
    """Draw slopes on logarithmic axes, where a power of d is a line.

    Args:
        table: columns ``d``, ``series``, ``slope``, and ``low`` and ``high`` where there are repetitions; the series
            "published" is drawn as circles.
        title: what the figure shows.
        note: lines of the subtitle.
    """
    names = table["series"].unique(maintain_order=True).to_list()
    hues = dict(zip(names, theme.styles(names)[0], strict=True))
    dims = table["d"].unique().sort().to_list()
    x = theme.channel(alt.X, "d", "d = dₕ", dims, log=True, values=dims, format="d")
    y = theme.channel(alt.Y, "slope", "accuracy per head", table["slope"], log=True)

    def drawn_in(own: list[str], kind: str) -> tuple[alt.Chart, alt.Color]:
        part = theme.rows(table.filter(pl.col("series").is_in(own)))
        return part, theme.colour("series", own, [hues[name] for name in own], kind=kind)

    lines, colour = drawn_in([name for name in names if name != PUBLISHED], "stroke")
    circles, other = drawn_in([PUBLISHED], "circle")
    ranges = lines.transform_filter("datum.low != null").mark_rule()
    measured = alt.layer(
        lines.mark_line(point=True).encode(x, y, colour), ranges.encode(x, alt.Y("low:Q"), alt.Y2("high"), colour)
    )
    published = circles.mark_point(size=70, filled=False, strokeWidth=theme.LINE).encode(x, y, other)
    drawn = alt.layer(measured, published).resolve_scale(color="independent").properties(width=420, height=280)
    return theme.finished(drawn, title, note)


def capacities_chart(
    table: pl.DataFrame,
    *,
    everything: Mapping[str, int],
    rates: Mapping[str, float],
    title: str,
    note: str | Sequence[str],
) -> alt.HConcatChart:
    """Draw associations (left) and bits per parameter (right) against heads.

    Args:
        table: columns ``series``, ``heads``, ``associations``, ``low``, ``high`` and ``bits_per_parameter``.
        everything: the number of all sequences by its label, a rule on the left.
        rates: bits per parameter by their labels, rules on the right.
        title: what the figure shows.
        note: lines of the subtitle.
    """
    names = table["series"].unique(maintain_order=True).to_list()
    colour = theme.colour("series", names, [theme.GREY, *theme.COLOURS][: len(names)])
    x = theme.channel(alt.X, "heads", "heads H", whole=True)
    counts = [*table["low"], *table["high"], *everything.values()]
    count = theme.channel(alt.Y, "associations", "associations", counts, log=True)
    rate = theme.channel(alt.Y, "bits_per_parameter", "bits per parameter", zero=True)
    base = theme.rows(table)
    left = [
        base.mark_line(point=True).encode(x, count, colour),
        base.mark_rule().encode(x, alt.Y("low:Q"), alt.Y2("high"), colour),
        _rules(everything, "associations", count),
    ]
    right = [base.mark_line(point=True).encode(x, rate, colour), _rules(rates, "bits_per_parameter", rate)]
    panels = (alt.LayerChart(layer=layers).properties(width=340, height=280) for layers in (left, right))
    return theme.finished(alt.hconcat(*panels), title, note, width=680)


def _rules(values: Mapping[str, float | int], name: str, axis: alt.Y) -> alt.LayerChart:
    levels = pl.DataFrame({"label": [*values], name: [*values.values()]})
    base = theme.rows(levels).encode(axis)
    line = base.mark_rule(strokeDash=theme.DASHED, color=theme.DARK)
    text = base.mark_text(align="right", dy=-6, dx=-4, color=theme.DARK).encode(x=alt.value(340), text="label:N")
    return alt.LayerChart(layer=[line, text])
