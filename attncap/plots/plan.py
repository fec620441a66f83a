"""Parameters against associations: what each method pays to hold more."""

from typing import TYPE_CHECKING, Any

import numpy as np

from attncap.methods import methods

if TYPE_CHECKING:
    import altair as alt

    from attncap.bounds.planner import Plans

# Limits are grey and dotted, with their names.
_LIMITS = {
    "allenzhu2025": ("trained, Allen-Zhu & Li (2 bits/param)", "#999999", [2, 3]),
    "morris2025": ("trained, Morris et al. (3.6 bits/param)", "#666666", [2, 3]),
    "counting": ("counting limit (32 bits/param)", "#000000", [2, 3]),
}
_TOOLTIP = ["method:N", "associations:Q", "parameters:Q", "shape:N", "bits_per_parameter:Q"]
# Okabe and Ito's colours, apart for colour-blind readers: for methods in the order of their table, then for orders.
_COLOURS = ("#0072B2", "#009E73", "#D55E00", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")


def plan_chart(plans: "Plans", *, points: int = 25, reach: float | int = 30) -> "alt.LayerChart":
    """Draw the smallest number of parameters, per method, for tasks from fewer to more associations.

    Args:
        plans: what `attncap.bounds.plan` found; the chart marks it and holds fixed what it held fixed.
        points: tasks along the curve.
        reach: the curve goes from the task's associations over ``reach`` to times ``reach``.

    Returns:
        An Altair chart; `attncap.plots.save` writes it.
    """
    import altair as alt

    from attncap.bounds.values import complete

    here = plans.associations
    sequences = complete({"vocabulary": plans.vocabulary, "context": plans.context})["associations"]
    counts = np.geomspace(max(1, here / reach), min(sequences, here * reach), points).round().astype(int)
    rows = [row for count in sorted({*counts.tolist(), here}) for row in _rows(plans, count)]
    names, colours, dashes = zip(*_styles({row["id"] for row in rows}), strict=True)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=_log("associations", "associations T", nice=False),
        y=_log("parameters", "parameters", nice=True),
        color=alt.Color("method:N", sort=names, title=None, scale=alt.Scale(domain=names, range=colours)),
        tooltip=_TOOLTIP,
    )
    dash = alt.StrokeDash("method:N", sort=names, title=None, scale=alt.Scale(domain=names, range=dashes))
    task = alt.Chart(alt.Data(values=[{"associations": here}])).mark_rule(color="#444").encode(x="associations:Q")
    chart = base.mark_line(strokeWidth=2).encode(strokeDash=dash) + task
    # One colour: a coloured layer of points would replace the dashes in the legend.
    points_here = alt.Chart(alt.Data(values=[row for row in rows if row["associations"] == here]))
    chart += points_here.mark_point(filled=True, size=45, opacity=1, color="#222").encode(
        x="associations:Q", y="parameters:Q", tooltip=_TOOLTIP
    )
    subtitle = (
        f"{here:,} associations, {plans.bits:,.0f} bits (vertical line); N = {plans.vocabulary:,}, S = {plans.context}"
    )
    title = alt.Title("Fewest parameters that hold T associations", subtitle=subtitle, anchor="start")
    return chart.properties(width=420, height=320, title=title).configure_legend(labelLimit=260)


def _styles(ids: set[str]) -> list[tuple[str, str, list[int]]]:
    lines = [*methods("associations"), *sorted(ids - methods("associations").keys() - _LIMITS.keys())]
    styles = {id: (_name(id), _COLOURS[i % len(_COLOURS)], [1, 0]) for i, id in enumerate(lines)} | _LIMITS
    return [style for id, style in styles.items() if id in ids]


def _name(id: str) -> str:
    if id in _LIMITS:
        return _LIMITS[id][0]
    known = methods("associations")
    return known[id].label if id in known else f"{id} (user's constant)"


def _log(field: str, title: str, *, nice: bool) -> Any:
    """Make a logarithmic axis whose grid shows the decades only."""
    import altair as alt

    scale = alt.Scale(type="log", nice=nice)
    channel = alt.X if field == "associations" else alt.Y
    decades = [10**k for k in range(20)]
    axis = alt.Axis(format="~s", values=decades, gridColor="#e8e8e8", domain=False, tickColor="#bbb")
    return channel(f"{field}:Q", scale=scale, axis=axis, title=title)


def _rows(plans: "Plans", count: int) -> list[dict[str, Any]]:
    from attncap.bounds import plan

    fixed: dict[str, Any] = {"vocabulary": plans.vocabulary, "context": plans.context, **plans.fixed}
    bits = plans.bits * count / plans.associations
    found = plan(associations=count, bits=bits, constants=plans.constants, **fixed)
    return [
        {
            "id": p.method,
            "method": _name(p.method),
            "associations": count,
            "parameters": p.parameters,
            "bits_per_parameter": round(p.bits_per_parameter, 3),
            "shape": f"d = {p.embedding_dim}, d_h = {p.head_dim}, H = {p.heads}" if p.heads else "any",
        }
        for p in (*found.plans, *found.references)
    ]
