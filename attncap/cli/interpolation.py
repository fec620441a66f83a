"""``attncap interpolation``: predicted and simulated in-context memorization error."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from attncap.cli._shared import Force, Json, Plot, answer, check_plot, draw, within, work
from attncap.cli.dress import dressed
from attncap.commands import interpolation as shelf
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.interpolation import Interpolation
    from attncap.terminal import Rows

MOST_ROWS, SEEDS = 50, 12
Range = Annotated[str, typer.Option(metavar="A|A:B:K")]
# What takes a range, in the order of a table's columns.
RANGES = ("ratio", "ridge", "snr", "alignment")


@dressed(shelf.interpolation)
def interpolation(
    options: dict[str, Any],
    ratio: Range,
    ridge: Range,
    activation: list[str] | None = None,
    snr: Range = "0",
    alignment: Range = "0",
    diagonal: str = "zero",
    simulate: bool = False,
    seeds: Annotated[int | None, typer.Option(help="Draws of a simulation: 12.", callback=within("seeds"))] = None,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Predict how well a ridge probe memorizes labels in context, and compare it with simulation.

    A range a:b:k is k log-spaced values from a to b.
    """
    words = dict(zip(RANGES, (ratio, ridge, snr, alignment), strict=True))
    varied = [name for name, text in words.items() if ":" in text]
    values = {name: numbers(name, text) for name, text in words.items()}
    draws = SEEDS if simulate and seeds is None else seeds
    options |= {"activation": activation, "diagonal": diagonal, "simulate": simulate, "seeds": draws, **values}
    if diagonal not in ("zero", "full"):
        options["diagonal"] = number("diagonal", diagonal, "zero, full or a number")
    check_plot(plot, force=force)
    if plot is not None and not varied:
        raise InputError("plot", "a range to draw over, such as ridge 1e-4:10:50", "single values")
    with work(json):
        result = shelf.interpolation(**options)

    def chart() -> Any:
        from attncap.plots.interpolation import error_curve

        return error_curve(result)

    shown = table(result, varied) if varied else result
    answer(result, json, shown, write=lambda: draw(plot, chart, force=force))


def number(name: str, text: str, expected: str = "a number or a range a:b:k") -> float:
    """Read one number of an option."""
    try:
        return float(text)
    except ValueError:
        raise InputError(name, expected, text) from None


def numbers(name: str, text: str) -> float | list[float]:
    """Read a value, or a range ``a:b:k`` of k log-spaced values."""
    import numpy as np

    parts = text.split(":")
    if len(parts) == 1:
        return number(name, text)
    most = shelf.MOST_POINTS
    if len(parts) != 3 or not parts[2].isdecimal() or not 1 <= int(parts[2]) <= most:
        raise InputError(name, f"a range a:b:k, k log-spaced values from a to b, k up to {most}", text)
    low, high = number(name, parts[0]), number(name, parts[1])
    if not (0 < low < np.inf and 0 < high < np.inf):
        raise InputError(name, "a log-spaced range with finite ends above 0", text)
    values: list[float] = np.geomspace(low, high, int(parts[2])).tolist()
    return values


def table(result: "Interpolation", varied: list[str]) -> "Rows":
    """Show a curve as one row a point."""
    from attncap.terminal import Rows

    frame = result.frame()
    answers = [name for name in frame.columns if name not in ("ratio", "ridge", "snr", "alignment", "simulated_std")]
    shown = Rows(*varied, *answers)
    for row in frame.select(*varied, *answers).head(MOST_ROWS).iter_rows():
        shown.add_row(*(f"{value:.6g}" for value in row))
    if len(frame) > MOST_ROWS:
        shown.caption = f"{MOST_ROWS} of {len(frame)} points; --json has all"
    return shown
