"""``attncap plan``: the smallest shapes that hold a task."""

from typing import Any

from attncap.cli._shared import Force, Json, Plot, answer, check_plot, draw
from attncap.cli.bounds import Constants, parse_constants
from attncap.cli.dress import dressed
from attncap.commands import plan as shelf


@dressed(shelf.plan)
def plan(
    options: dict[str, Any],
    constants: Constants = None,
    plot: Plot = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Find the smallest shapes that hold a task, per method, by parameters."""
    check_plot(plot, force=force)
    plans = shelf.plan(**options, constants=parse_constants(constants))

    def chart() -> Any:
        from attncap.plots import plan_chart

        return plan_chart(plans)

    answer(plans, as_json, write=lambda: draw(plot, chart, force=force))
