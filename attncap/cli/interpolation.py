"""``attncap interpolation``: predicted and simulated in-context memorization error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attncap.cli._shared import Force, Json, Seed, answer, work

if TYPE_CHECKING:
    import numpy as np
    from rich.table import Table

    from attncap.interpolation import Interpolation

MOST_POINTS = 100_000
MOST_ROWS = 50


def interpolation(
    ratio: Annotated[str, typer.Option(help="Embedding dimension over tokens, c = p/n; a value or a range a:b:k.")],
    ridge: Annotated[str, typer.Option(help="Ridge of the probe, gamma; a value or a range a:b:k (log-spaced).")],
    activation: Annotated[
        list[str] | None, typer.Option(help="Name or expression in t; repeat it for several heads. Default: tanh.")
    ] = None,
    snr: Annotated[str, typer.Option(help="Signal-to-noise ratio |mu|^2; a value or a range.")] = "0",
    alignment: Annotated[str, typer.Option(help="w_K = w_Q = this times mu/|mu|; a value or a range.")] = "0",
    diagonal: Annotated[str, typer.Option(help="K_ii: zero, full (as f gives it) or a number.")] = "zero",
    heads: Annotated[int, typer.Option(help="Copies of the listed activations.", min=1)] = 1,
    combine: Annotated[str, typer.Option(help="Heads are read by concat or sum.")] = "concat",
    random_scores: Annotated[bool, typer.Option("--random-scores", help="Random query-key matrices.")] = False,
    softmax: Annotated[float | None, typer.Option(help="True softmax at this inverse temperature.")] = None,
    positive: Annotated[float, typer.Option(help="Share of labels +1.")] = 0.5,
    simulate: Annotated[bool, typer.Option("--simulate", help="Measure it at finite size too.")] = False,
    tokens: Annotated[int, typer.Option(help="Tokens n of a simulation.", min=2)] = 1000,
    seeds: Annotated[int, typer.Option(help="Draws of a simulation.", min=1)] = 12,
    seed: Seed = 0,
    plot: Annotated[Path | None, typer.Option(help="Draw the curve: .html, .svg, .pdf or .png.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Predict how well a ridge probe memorizes labels in context, and compare it with simulation."""
    from attncap.errors import InputError
    from attncap.files import check_free
    from attncap.interpolation import error
    from attncap.interpolation import softmax as softmax_at

    if softmax is not None and activation:
        raise InputError("--softmax stands for the activation; give one of --softmax and --activation")
    grid = {"ratio": ratio, "ridge": ridge, "snr": snr, "alignment": alignment}
    values = outer({name: numbers(name, text) for name, text in grid.items()})
    varied = [name for name, text in grid.items() if ":" in text]
    if plot is not None:
        check_free(plot, force=force)
        if not varied:
            raise InputError("--plot needs a range, such as --ridge 1e-4:10:50")
    with work(json), limits_noted():
        result = error(
            softmax_at(softmax) if softmax is not None else activation or ["tanh"],
            **values,
            diagonal=diagonal if diagonal in ("zero", "full") else number("diagonal", diagonal),
            heads=heads,
            combine=combine,
            random_scores=random_scores,
            positive=positive,
        )
        if simulate:
            result = result.simulate(tokens, seeds, seed)
    if plot is not None:
        from attncap.plots.interpolation import error_curve
        from attncap.plots.output import save

        save(error_curve(result), plot, force=force)
    answer(result, json, *((result,) if not varied else (table(result, varied),)))


def number(name: str, text: str) -> float:
    """Read one number of an option."""
    from attncap.errors import InputError

    expected = "zero, full or a number" if name == "diagonal" else "a number or a range a:b:k"
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--{name} {text!r}: expected {expected}") from None


def numbers(name: str, text: str) -> "float | np.ndarray":
    """Read a value, or a range ``a:b:k`` of k log-spaced values."""
    import numpy as np

    from attncap.errors import InputError

    parts = text.split(":")
    if len(parts) == 1:
        return number(name, text)
    if len(parts) != 3 or not parts[2].isdecimal() or not 1 <= int(parts[2]) <= MOST_POINTS:
        raise InputError(f"--{name} {text!r}: a range is a:b:k, k log-spaced values from a to b, k up to {MOST_POINTS}")
    low, high = number(name, parts[0]), number(name, parts[1])
    if not (0 < low < np.inf and 0 < high < np.inf):
        raise InputError(f"--{name} {text!r}: a log-spaced range needs finite ends above 0")
    return np.geomspace(low, high, int(parts[2]))


def outer(values: "dict[str, float | np.ndarray]") -> "dict[str, float | np.ndarray]":
    """Give every range its own axis, so that several make a grid."""
    import numpy as np

    from attncap.errors import InputError

    ranges = {name: value for name, value in values.items() if not isinstance(value, float)}
    points = int(np.prod([len(value) for value in ranges.values()], initial=1))
    if points > MOST_POINTS:
        raise InputError(f"the ranges make {points} points; at most {MOST_POINTS} are computed at once")
    return values | dict(zip(ranges, np.meshgrid(*ranges.values(), indexing="ij", sparse=True), strict=True))


@contextmanager
def limits_noted() -> Iterator[None]:
    """Print warnings about the limit in one line each on stderr."""
    import sys
    import warnings

    from attncap.interpolation import LimitWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", LimitWarning)
        warnings.showwarning = lambda message, *rest: print(f"attncap: warning: {message}", file=sys.stderr)
        yield


def table(result: "Interpolation", varied: list[str]) -> "Table":
    """Show a curve as one row a point."""
    from rich.table import Table

    frame = result.frame()
    answers = [name for name in frame.columns if name not in ("ratio", "ridge", "snr", "alignment", "simulated_std")]
    shown = Table(*varied, *answers, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for row in frame.select(*varied, *answers).head(MOST_ROWS).iter_rows():
        shown.add_row(*(f"{value:.6g}" for value in row))
    if len(frame) > MOST_ROWS:
        shown.caption = f"{MOST_ROWS} of {len(frame)} points; --json has all"
    return shown
