"""Parameters against associations: what each method pays to hold more."""

from typing import TYPE_CHECKING, Annotated, Any

import altair as alt
import numpy as np

from attncap.constraints import Count, Range, checked
from attncap.methods import methods
from attncap.plots import theme

if TYPE_CHECKING:
    from attncap.bounds.planner import Plans

# Limits are grey and dotted, with their names.
_LIMITS = {
    "allenzhu2025": ("trained, Allen-Zhu & Li (2 bits per parameter)", theme.GREY, theme.DOTTED),
    "morris2025": ("trained, Morris et al. (3.6 bits per parameter)", theme.DARK, theme.DOTTED),
    "counting": ("counting limit (32 bits per parameter)", theme.BLACK, theme.DOTTED),
}
_TOOLTIP = ["method:N", "associations:Q", "parameters:Q", "shape:N", "bits_per_parameter:Q"]


@checked
def plan_chart(plans: "Plans", *, points: Count = 25, reach: Annotated[float | int, Range(1)] = 30) -> alt.LayerChart:
    """Draw the smallest number of parameters, per method, for tasks from fewer to more associations.

    Args:
        plans: what `attncap.bounds.plan` found; the chart marks it and holds fixed what it held fixed.
        points: tasks along the curve.
        reach: the curve goes from the task's associations over ``reach`` to times ``reach``.

    Returns:
        An Altair chart; `attncap.plots.save` writes it.
    """
    from attncap.bounds.values import complete

    here = plans.associations
    sequences = complete({"vocabulary": plans.vocabulary, "context": plans.context})["associations"]
    counts = np.geomspace(max(1, here / reach), min(sequences, here * reach), points).round().astype(int)
    rows = [row for count in sorted({*counts.tolist(), here}) for row in _rows(plans, count)]
    names, colours, dashes = zip(*_styles({row["id"] for row in rows}), strict=True)
    base = theme.rows(rows).encode(
        x=theme.channel(alt.X, "associations", "associations T", [row["associations"] for row in rows], log=True),
        y=theme.channel(alt.Y, "parameters", "parameters", [row["parameters"] for row in rows], log=True),
        color=theme.colour("method", names, colours),
        tooltip=_TOOLTIP,
    )
    dash = theme.dash("method", names, dashes)
    task = theme.rows([{"associations": here}]).mark_rule(color=theme.DARK).encode(x="associations:Q")
    chart = base.mark_line(strokeWidth=theme.LINE).encode(strokeDash=dash) + task
    points_here = theme.rows([row for row in rows if row["associations"] == here])
    chart += points_here.mark_point(filled=True, size=theme.POINT, opacity=1, color=theme.BLACK).encode(
        x="associations:Q", y="parameters:Q", tooltip=_TOOLTIP
    )
    subtitle = (
        f"{here:,} associations, {plans.bits:,.0f} bits (vertical line); N = {plans.vocabulary:,}, S = {plans.context}"
    )
    drawn = chart.properties(width=420, height=320)
    return theme.finished(drawn, "Fewest parameters that hold T associations", subtitle)


def _styles(ids: set[str]) -> list[tuple[str, str, list[int]]]:
    lines = [*methods("associations"), *sorted(ids - methods("associations").keys() - _LIMITS.keys())]
    looks = zip(lines, *theme.styles(lines), strict=True)
    styles = {id: (_name(id), colour, dashes) for id, colour, dashes in looks} | _LIMITS
    return [style for id, style in styles.items() if id in ids]


def _name(id: str) -> str:
    if id in _LIMITS:
        return _LIMITS[id][0]
    known = methods("associations")
    return known[id].label if id in known else f"{id} (user's constant)"


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
