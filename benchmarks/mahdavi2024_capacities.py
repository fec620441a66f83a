"""Capacities of one layer on labelled examples against heads and head dimension; half an hour where none is cached."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from attncap.papers.mahdavi2024 import capacities
from attncap.papers.mahdavi2024.fitting import line
from attncap.papers.mahdavi2024.settings import X
from benchmarks.page import Rows, show

SHOWN: Sequence[tuple[X, bool]] = (("heads", True), ("heads", False), ("head_dim", True))
LETTERS = {"heads": "H", "head_dim": "dₕ"}
COLUMNS = ("contexts", "examples held", "at", "capacity", "R² of a line", "slope, 95 %")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a series of each figure; of the head dimension, the line is the part from dₕ = n on."""
    return COLUMNS, [row for x, shared in SHOWN for row in lines(x, shared)]


def lines(x: X, shared: bool) -> Rows:
    """Return the rows of one figure."""
    found = capacities.capacities(x, shared, "quick", 0).table
    least = capacities.SHAPE["quick"]["context"] if x == "head_dim" else 0
    rows = []
    for (series,), own in found.group_by("series", maintain_order=True):
        beyond = own.filter(pl.col(x) >= least)
        fit = line(*(beyond[name].to_numpy().astype(np.float64) for name in (x, "examples")))
        values = (", ".join(map(str, own[name])) for name in (x, "examples"))
        at, counts = values
        rows.append(
            [
                "one for all" if shared else "one each",
                str(series),
                f"{LETTERS[x]} = {at}",
                counts,
                "" if least else f"{fit['r_squared']:.3f}",
                f"{fit['slope']:.1f}, {fit['low']:.1f} to {fit['high']:.1f}{f' from dₕ = {least} on' if least else ''}",
            ]
        )
    return rows


if __name__ == "__main__":
    main()
