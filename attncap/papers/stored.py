"""Runs of a figure that the user's cache keeps: an interrupted figure continues, and figures share their points."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from attncap import sweep
from attncap.errors import UnmetError
from attncap.files import cache
from attncap.numerics.memory import cores
from attncap.sweep.commands import resolve


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
    store = cache("papers") / command
    # A point that two lines share is one cell.
    wanted = [tuple(cell.items()) for cell in cells]
    distinct = list(dict.fromkeys(wanted))
    size = 1 if alone or not resolve(command).pack else resolve(command).pack_size
    options = {name: [dict(cell)[name] for cell in distinct] for name in cells[0]}
    grid = sweep.Grid(command, zip=options, pack_size=size if resolve(command).pack else None)
    jobs = -(-len(grid) // size)
    done = sweep.run(grid, store, workers=min(cores(), jobs), retry_failed=True)
    table = sweep.table(store)
    if done.failed:
        raise UnmetError(f"{done.failed} of {len(cells)} runs failed, the first with: {table['error'].drop_nulls()[0]}")
    place = {cell: row for row, cell in enumerate(distinct)}
    table = table[[place[cell] for cell in wanted]]
    return table.select(pl.col("^result\\..*$").name.map(lambda name: name.removeprefix("result.")))
