"""What the page of a sweep says: how far it is, what it found over what was varied, what failed, and every cell."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from attncap import plots, sweep
from attncap.plots.cells import OWN, RESULT, SEED, cells_chart, varied
from attncap.report import methods
from attncap.report.parts import Column, Figure, Page, Section, Table, numbers
from attncap.result import several
from attncap.sweep.store import FILE, Store

NOUN = "sweep"
FILES = (FILE, f"{FILE}-wal", f"{FILE}-shm")
# Seeds are not what was varied.
SHARED = (SEED,)


def holds(directory: Path) -> bool:
    """Tell whether a directory holds the store of a sweep."""
    return (directory / FILE).is_file()


def page(directory: Path) -> Page:
    """Read the store and say what is in it.

    Raises:
        InputError: it is not a whole store.
    """
    status, table = sweep.status(directory), sweep.table(directory)
    options, found = varied(table)
    chart = cells_chart(table, title=directory.resolve().name)
    cells = _cells(table, options)
    done = f"{status.done:,} of {several(status.cells, 'cell')} are done"
    seconds = table["seconds"].sum() if "seconds" in table.columns else 0
    left = [f"{status.failed:,} failed"] if status.failed else []
    left += [f"{status.pending:,} are still to run"] if status.pending else []
    summary = [
        f"{done}{'; ' + ' and '.join(left) if left else ''}.",
        f"What was varied: {', '.join(options) or 'nothing'}; what came of it: {', '.join(found) or 'no number'}.",
        "Everything here is measured: one result a cell, each from its own seed.",
        f"The cells took {seconds or 0:,.1f} s together.",
    ]
    command = _command(directory)
    failures = Table(
        "What went wrong, the most frequent first",
        (
            numbers("cells", [each.cells for each in status.failures]),
            Column("error", [each.error for each in status.failures]),
            Column("first at", [json.dumps(each.first, ensure_ascii=False) for each in status.failures]),
        ),
        name="failures",
    )
    facts = {
        "command": command,
        **_same(table, options),
        "code": ", ".join(f"{code} ({several(count, 'cell')})" for code, count in status.codes.items()),
        "environment": "; ".join(dict.fromkeys(_machine(each) for each in table["environment"] if each is not None)),
        "store": FILE,
    }
    return Page(
        title=directory.resolve().name,
        lead=f"A sweep of {command}: {several(status.cells, 'cell')}",
        summary=summary,
        cards=[
            (f"{status.done:,}", f"cells done of {status.cells:,}"),
            (f"{status.failed:,}", "cells failed"),
            (f"{seconds or 0:,.1f} s", "of work"),
        ],
        sections=[
            Section("What came of it", [Figure(plots.interactive(chart, name="sweep"))] if chart is not None else []),
            Section("Failures", [failures] if status.failures else []),
            Section("Every cell", [cells]),
            methods.section(_used(table, command), facts),
        ],
        source="Read from the store of the sweep.",
    )


def _cells(table: pl.DataFrame, options: Sequence[str]) -> Table:
    """Show what differs between cells, what was varied first; what is the same in all stands once, elsewhere."""
    results = [name for name in table.columns if name.startswith(RESULT) and table[name].null_count() < table.height]
    shown = ["status", *options, *(name for name in SHARED if name in table.columns), *results]
    columns = []
    for name in (*dict.fromkeys(shown), "seconds"):
        values, heading = table[name].to_list(), name.removeprefix(RESULT)
        if name == "seconds":
            heading = "seconds of the cell"
        if table.schema[name].is_numeric():
            columns.append(numbers(heading, values, "{:.6g}"))
        else:
            columns.append(Column(heading, [None if each is None else _text(each) for each in values]))
    return Table("Every cell, in the order of the grid", tuple(columns), name="cells")


def _same(table: pl.DataFrame, options: Sequence[str]) -> dict[str, str]:
    """Return the options that every cell has alike."""
    names = [name for name in table.columns if name not in (*OWN, *SHARED, *options) and not name.startswith(RESULT)]
    return {name: _text(table[name][0]) for name in names if table.height and table[name][0] is not None}


def _machine(environment: str) -> str:
    """Write what a store says of a machine for a person."""
    return ", ".join(f"{name} {value}" for name, value in json.loads(environment).items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _command(directory: Path) -> str:
    with Store(directory) as store:
        rows = store.rows()
    return str(json.loads(rows[0]["identity"]).get("command", "")) if rows else ""


def _used(table: pl.DataFrame, command: str) -> list[str]:
    named = table["method"].drop_nulls().unique().sort().to_list() if "method" in table.columns else []
    return [*map(str, named), command]
