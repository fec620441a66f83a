"""What every command shares: the common options and the one way to answer."""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import altair as alt

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
Seed = Annotated[int, typer.Option(help="Seed of every random draw.", min=0)]
Force = Annotated[bool, typer.Option("--force", help="Replace an output of an earlier run.")]
Plot = Annotated[Path | None, typer.Option(help="Draw the answer (.html, .svg, .pdf, .png).")]


def work(as_json: bool) -> AbstractContextManager[None]:
    """Show progress bars while a person waits; keep quiet for a program."""
    from attncap.progress import shown

    return nullcontext() if as_json else shown()


def check_plot(plot: Path | None, *, force: bool) -> None:
    """Refuse, before the work, a picture that could not be drawn."""
    if plot is not None:
        from attncap.plots.output import check_drawable

        check_drawable(plot, force=force)


def draw(plot: Path | None, chart: "Callable[[], alt.TopLevelMixin]", *, force: bool) -> tuple[str, ...]:
    """Draw the picture that was asked for, and return the line that says so."""
    if plot is None:
        return ()
    from attncap.plots.output import save

    save(chart(), plot, force=force)
    return (f"\nwritten to {plot}",)


def answer(result: Any, as_json: bool, *shown: Any) -> None:
    """Print a result as one JSON object for a program, or as tables for a person.

    Args:
        result: a `Result` or a dict.
        as_json: whether ``--json`` was given.
        shown: what a person sees instead of the result's own table (strings and rich renderables).
    """
    from attncap.result import plain

    if as_json:
        typer.echo(json.dumps(plain(result), ensure_ascii=False, allow_nan=False))
        return
    from rich.console import Console

    # No markup: a fact may contain square brackets. A pipe or a file has no width of its own.
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 100)
    for item in shown or (result,):
        console.print(item)
