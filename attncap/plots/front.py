"""The front of a search for the smallest memory: its size against the time it took."""

from typing import TYPE_CHECKING

import altair as alt

from attncap.constraints import checked
from attncap.errors import InputError
from attncap.plots import theme

if TYPE_CHECKING:
    from attncap.fits import Fit


@checked
def front_chart(fit: "Fit") -> alt.LayerChart:
    """Draw every shape that a search tried, and the front of those that held the task.

    Args:
        fit: what `attncap.construct.smallest` found.

    Returns:
        The chart; save it with `attncap.plots.save`.

    Raises:
        InputError: a fit that no search found.
    """
    if "front" not in fit.details:
        raise InputError("fit", "what construct.smallest found", f"method {fit.method} at one shape")
    by = fit.details["by"]
    names = {True: "holds the task", False: "does not, in this search"}
    rows = [
        one | {"result": names[one["held"]], "shape": f"d = {one['embedding_dim']}, H = {one['heads']}, {one['dtype']}"}
        for one in fit.details["attempts"]
    ]
    title = "bytes" if by == "bytes" else "parameters in use"
    base = theme.rows(rows).encode(
        x=theme.channel(alt.X, "seconds", "seconds", [max(1e-3, row["seconds"]) for row in rows], log=True),
        y=theme.channel(alt.Y, by, title, [row[by] for row in rows], log=True),
        tooltip=["shape:N", "parameters:Q", "bytes:Q", "seconds:Q", "result:N"],
    )
    points = base.mark_point(filled=True, size=theme.POINT, opacity=1).encode(
        color=theme.colour("result", list(names.values()), [theme.BLUE, theme.GREY], kind="circle")
    )
    front = theme.rows(fit.details["front"]).mark_line(
        interpolate="step-after", strokeWidth=theme.LINE, color=theme.BLUE
    )
    chart = front.encode(x="seconds:Q", y=f"{by}:Q") + points
    subtitle = f"{fit.task.associations:,} associations, {fit.task.bits:,.0f} bits; the line is the best so far"
    return theme.finished(chart.properties(width=420, height=320), f"Smallest memory of {fit.task.name}", subtitle)
