"""``attncap audit``: whether the assumptions hold inside a real model, and what it holds."""

from pathlib import Path
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
    out: Annotated[Path | None, typer.Option(help="Directory to write: the answer, its chart and a report.")] = None,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Say whether the theorems' assumptions hold inside a real model, and what it holds.

    Nothing is fetched, no pickle is loaded and no code of a model is run.
    """
    from attncap.files import check_free

    check_plot(plot, force=force)
    if out is not None:
        check_free(out, force=force, directory=True)
    with work(json):
        result = shelf.audit(**options, layers=numbers(layers))

    def chart() -> Any:
        from attncap.plots.audit import audit_chart

        return audit_chart(result)

    def write() -> Path | None:
        drawn = draw(plot, chart, force=force)
        if out is None:
            return drawn
        from attncap.report import write_audit

        return write_audit(result, out, force=force)

    answer(result, json, write=write)


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
