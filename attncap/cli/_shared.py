"""What every command shares: the common options and the one way to answer."""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attncap.constraints import LARGEST
from attncap.errors import InputError, UnmetError

if TYPE_CHECKING:
    import altair as alt

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]


def within(name: str) -> Callable[[int | None], int | None]:
    """Return a check that refuses a number that 64 bits do not hold, without a range in the help."""

    def check(value: int | None) -> int | None:
        if value is not None and abs(value) > LARGEST:
            raise InputError(name, f"at most {LARGEST}", value)
        return value

    return check


Seed = Annotated[int, typer.Option(help="Seed of every random draw.", min=0, callback=within("seed"))]
Force = Annotated[bool, typer.Option("--force", help="Replace an output of an earlier run.")]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="What `attncap memorize --out` wrote.")]
Plot = Annotated[Path | None, typer.Option(help="Draw the answer (.html, .svg, .pdf, .png, .json).")]


def work(as_json: bool) -> AbstractContextManager[None]:
    """Show progress bars while a person waits; keep quiet for a program."""
    from attncap.progress import shown

    return nullcontext() if as_json else shown()


def check_plot(plot: Path | None, *, force: bool) -> None:
    """Refuse, before the work, a picture that could not be drawn."""
    if plot is not None:
        from attncap.plots.output import check_drawable

        check_drawable(plot, force=force)


def draw(plot: Path | None, chart: "Callable[[], alt.TopLevelMixin]", *, force: bool) -> Path | None:
    """Draw the picture that was asked for, and return where."""
    if plot is not None:
        from attncap.plots.output import save

        save(chart(), plot, force=force)
    return plot


def say_unchecked(directory: Path) -> None:
    """Note that nothing proves a memory to be what was written."""
    from attncap import sums

    if sums.listing(directory) is None:
        typer.echo(f"attncap: note: {directory} has no {sums.NAME}; its files were not checked", err=True)


class AfterAnswer(Exception):
    """Something failed, which is the cause, when the answer was already printed."""


def answer(result: Any, as_json: bool, *shown: Any, write: Callable[[], Path | None] | None = None) -> None:
    """Print a result as one JSON object for a program, or as tables for a person; then write it.

    Args:
        result: a `Result` or a dict.
        as_json: whether ``--json`` was given.
        shown: what a person sees instead of the result's own table (strings and rich renderables).
        write: writes what else was asked for and returns where; what was computed is printed even if that fails, and
            written even if nobody reads what is printed.
    """
    from attncap.result import not_finite, plain
    from attncap.terminal import show

    try:
        if as_json:
            typer.echo(json.dumps(plain(result), ensure_ascii=False, allow_nan=False))
        else:
            show(shown or (result,), sys.stdout)
        sys.stdout.flush()
    finally:
        if write is not None:
            try:
                path = write()
            except BaseException as error:
                raise AfterAnswer from error
    if write is not None and path is not None and not as_json:
        show(("", f"written to {path}"), sys.stdout)
    if wrong := ", ".join(f"{name} is {value}" for name, value in not_finite(result)):
        raise AfterAnswer from UnmetError(f"not a finite number: {wrong}")
