"""Runs of a figure that the user's cache keeps: an interrupted figure continues, and figures share their points."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from attncap import sweep
from attncap.errors import UnmetError
from attncap.files import cache
from attncap.numerics.memory import cores
from attncap.sweep.commands import resolve
from attncap.sweep.results import held
from attncap.sweep.store import FILE


def stored(command: str, cells: Sequence[Mapping[str, Any]], *, alone: bool = False) -> pl.DataFrame:
    """Run the cells that no earlier figure has run.

    Args:
        command: a registered command of sweeps.
        cells: its options, the same names in each.
        alone: whether every run is a cell of its own, kept as soon as it ends: for runs that take long.

    Returns:
        The results, one row each, in order.

    Raises:
        UnmetError: a cell failed.
    """
    # A point that two lines share is one cell.
    wanted = [tuple(cell.items()) for cell in cells]
    distinct = list(dict.fromkeys(wanted))
    grid = grid_of(command, [dict(cell) for cell in distinct], alone=alone)
    store = cache("papers") / command
    jobs = -(-len(grid) // (grid.pack_size or 1))
    done = sweep.run(grid, store, workers=min(cores(), jobs), retry_failed=True)
    table = sweep.table(store)
    if done.failed:
        raise UnmetError(f"{done.failed} of {len(cells)} runs failed, the first with: {table['error'].drop_nulls()[0]}")
    place = {cell: row for row, cell in enumerate(distinct)}
    table = table[[place[cell] for cell in wanted]]
    return table.select(pl.col("^result\\..*$").name.map(lambda name: name.removeprefix("result.")))


def grid_of(command: str, cells: Sequence[Mapping[str, Any]], *, alone: bool) -> sweep.Grid:
    """Return different cells as a grid."""
    size = 1 if alone or not resolve(command).pack else resolve(command).pack_size
    options = {name: [cell[name] for cell in cells] for name in cells[0]}
    return sweep.Grid(command, zip=options, pack_size=size if resolve(command).pack else None)


def kept(command: str, cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
    """Return what the user's cache holds of cells that run alone, with their seconds, and None for others; run nothing.

    Results of an earlier version's code count.
    """
    store = cache("papers") / command
    return held(grid_of(command, cells, alone=True), store) if (store / FILE).is_file() else [None] * len(cells)
