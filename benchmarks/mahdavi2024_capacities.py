"""Capacities of one layer on labelled examples against heads, context and head dimension: 20 minutes."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from attncap.papers.mahdavi2024.capacities import NAMES, SHAPE, capacities
from attncap.papers.mahdavi2024.fitting import line
from attncap.papers.mahdavi2024.settings import X
from benchmarks.page import Rows, show

SHOWN: Sequence[tuple[X, bool]] = tuple((x, shared) for x in NAMES for shared in (True, False))
LETTERS = {"heads": "H", "context": "n", "head_dim": "dₕ"}
COLUMNS = ("contexts", "examples held", "at", "capacity", "bits per parameter", "R² of a line", "slope, 95 %")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a series of each figure; of the head dimension, the line is the part from dₕ = n on."""
    return COLUMNS, [row for x, shared in SHOWN for row in lines(x, shared)]


def lines(x: X, shared: bool) -> Iterator[list[str]]:
    """Yield the rows of one figure."""
    found = capacities(x, shared, "quick", 0).table
    least = SHAPE["quick"]["context"] if x == "head_dim" else 0
    for (series,), own in found.group_by("series", maintain_order=True):
        beyond = own.filter(pl.col(x) >= least)
        fit = line(*(beyond[name].to_numpy().astype(np.float64) for name in (x, "examples")))
        rates = own["bits_per_parameter"]
        yield [
            "one for all" if shared else "one each",
            str(series),
            f"{LETTERS[x]} = {', '.join(map(str, own[x]))}",
            ", ".join(map(str, own["examples"])),
            "" if rates.null_count() else ", ".join(f"{rate:.2f}" for rate in rates),
            "" if least else f"{fit['r_squared']:.3f}",
            f"{fit['slope']:.1f}, {fit['low']:.1f} to {fit['high']:.1f}{f' from dₕ = {least} on' if least else ''}",
        ]


if __name__ == "__main__":
    main()
