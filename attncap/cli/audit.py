"""``attncap audit``: whether the assumptions hold inside a real model, and what it holds."""

from typing import Annotated, Any

import typer

from attncap.cli._shared import Force, Json, Plot, answer, check_plot, draw, work
from attncap.cli.dress import dressed
from attncap.commands import audit as shelf
from attncap.errors import InputError


@dressed(shelf.audit)
def audit(
    options: dict[str, Any],
    layers: Annotated[str | None, typer.Option(metavar="L,L,...", help="Which layers; all by default.")] = None,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Say whether the theorems' assumptions hold inside a real model, and what it holds.

    Nothing is fetched, no pickle is loaded and no code of a model is run.
    """
    check_plot(plot, force=force)
    with work(json):
        result = shelf.audit(**options, layers=numbers(layers))

    def chart() -> Any:
        from attncap.plots.audit import audit_chart

        return audit_chart(result)

    answer(result, json, write=lambda: draw(plot, chart, force=force))


def numbers(text: str | None) -> list[int] | None:
    """Read numbers between commas.

    Example:
        >>> numbers("0, 3"), numbers(None)
        ([0, 3], None)
    """
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and len(word) < 9 for word in words):
        raise InputError("layers", "numbers such as 0,3,5", text)
    return [int(word) for word in words]
