"""Accuracies over an experiment's axis, the published ones as open circles."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    import altair as alt

    from attncap.papers.dana2025.published import Experiment

FLOORS = {"theorem": "dana2025", "corrected": "corrected", "previous": "mahdavi2024"}
RECIPES = {"quick": ("paper",), "paper": ("paper", "best")}
AXES = {"heads": "heads H", "head_dim": "head dimension d_h", "embedding_dim": "embedding dimension d"}


# The corrected count is drawn by the theorem's line: it differs in the table where data fall short of d dimensions.
DASHES = {"theorem": ("dotted: theorem", [2, 3]), "previous": ("dashed: previous bound", [7, 4])}


def chart(table: pl.DataFrame, wanted: "Experiment") -> "alt.TopLevelMixin":
    """Draw measured means with their range, the published points, and the theorem's floor."""
    import altair as alt

    means = table.group_by("recipe", "line", wanted.x, maintain_order=True).agg(
        pl.col("accuracy").mean(),
        low=pl.col("accuracy").min(),
        high=pl.col("accuracy").max(),
        **{name: pl.col(name).first() for name in ("published", *FLOORS)},
    )
    names = means["line"].unique(maintain_order=True).to_list()
    x = alt.X(f"{wanted.x}:Q", title=AXES[wanted.x], axis=alt.Axis(grid=False, format="d"))
    scheme = alt.Scale(domain=names, scheme="viridis") if len(names) > 1 else alt.Scale(domain=names, range=["#1b6ca8"])
    color = alt.Color("line:N", title=None, sort=None, scale=scheme)

    top = np.ceil(5 * means.select(pl.max_horizontal("high", "published").max()).item()) / 5
    bounded = [name for name in DASHES if means[name].null_count() < len(means)]

    def y(name: str) -> alt.Y:
        axis = alt.Axis(format="~g", gridOpacity=0.4, tickCount=6)
        return alt.Y(f"{name}:Q", title="accuracy", scale=alt.Scale(domain=[0, top]), axis=axis)

    base = alt.Chart(means)
    layers = [
        *(base.mark_line(strokeDash=DASHES[name][1], strokeWidth=1).encode(x, y(name), color) for name in bounded),
        base.mark_line(strokeWidth=1.8).encode(x, y("accuracy"), color),
        base.mark_rule().encode(x, y("low"), alt.Y2("high"), color),
        base.mark_point(size=46, strokeWidth=1.4, filled=False, opacity=1).encode(x, y("published"), color),
    ]
    measured = f"mean and range of {wanted.seeds}" if wanted.seeds > 1 else "one model a point"
    marks = [f"lines: measured ({measured})", "circles: published", *(DASHES[name][0] for name in bounded)]
    note = f"N = {wanted.shared['vocabulary']}, S = 2; {'; '.join(marks)}"
    panels = (
        alt.layer(*layers)
        .properties(width=360, height=280)
        .facet(
            column=alt.Column(
                "recipe:N",
                title=None,
                sort=list(RECIPES["paper"]),
                header=alt.Header(labelExpr="'recipe ' + datum.value"),
            )
        )
    )
    return panels.properties(title=alt.Title(wanted.title, subtitle=note, anchor="start"))


def slope_chart(table: pl.DataFrame) -> "alt.TopLevelMixin":
    """Draw the slopes on logarithmic axes, where a power of d is a line."""
    import altair as alt

    names = table["series"].unique(maintain_order=True).to_list()
    color = alt.Color("series:N", title=None, sort=names, scale=alt.Scale(domain=names, scheme="category10"))
    dims = table["d"].unique().sort().to_list()
    scale = alt.Scale(type="log", nice=False, padding=8)
    x = alt.X("d:Q", title="d = d_h", scale=scale, axis=alt.Axis(grid=False, format="d", values=dims))
    y = alt.Y(
        "slope:Q", title="accuracy a head", scale=alt.Scale(type="log"), axis=alt.Axis(format="~g", gridOpacity=0.4)
    )
    base = alt.Chart(table)
    published, ours = (base.transform_filter(f"datum.series {sign} 'published'") for sign in ("==", "!="))
    lines = ours.mark_line(point=True).encode(x, y, color)
    circles = published.mark_point(size=70, filled=False, strokeWidth=1.5).encode(x, y, color)
    ranges = ours.transform_filter("datum.low != null").mark_rule().encode(x, alt.Y("low:Q"), alt.Y2("high"), color)
    title = alt.Title(
        "Accuracy gained a head", subtitle="up to the first accuracy above .95; N = 50, S = 2", anchor="start"
    )
    return alt.layer(lines, ranges, circles).properties(width=420, height=280, title=title)
