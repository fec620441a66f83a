"""Reading a store: how far a sweep is, what failed, and the numbers as a table."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncap.constraints import checked
from attncap.errors import InputError
from attncap.files import replacing
from attncap.result import Result, flatten, several
from attncap.sweep.cells import Plan
from attncap.sweep.grid import Grid
from attncap.sweep.store import Store

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType

FORMATS = (".parquet", ".csv")
# The table's own columns.
FIRST, LAST = ("key", "status"), ("code", "seconds", "finished", "error", "environment")


@dataclass(frozen=True)
class Failure:
    """A kind of failure: the last line of its text, how many cells have it, and the options of the first."""

    error: str
    cells: int
    first: dict[str, Any]


@dataclass(frozen=True)
class Status(Result):
    """How far a sweep is.

    Args:
        cells: cells of the last grid.
        done: those with a result.
        failed: those with an error.
        pending: those to run.
        running: whether a driver runs it now.
        rate: cells per second of the last run.
        remaining_seconds: time that the pending cells take at this rate.
        codes: cells by the hash of the code that runs them.
        failures: what went wrong, most frequent first.
    """

    cells: int
    done: int
    failed: int
    pending: int
    running: bool
    rate: float | None
    remaining_seconds: float | None
    codes: dict[str, int]
    failures: tuple[Failure, ...]

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        table = Rows()
        table.add_row("cells", f"{self.done} done, {self.failed} failed, {self.pending} pending of {self.cells}")
        table.add_row("driver", "running" if self.running else "none")
        table.add_row("code", ", ".join(f"{code} ({several(cells, 'cell')})" for code, cells in self.codes.items()))
        if self.rate:
            table.add_row("rate", f"{self.rate:.3g} cells/s")
        if self.pending and self.remaining_seconds is not None:
            table.add_row("left", _duration(self.remaining_seconds))
        failures = Rows("cells", "error", "first at")
        for failure in self.failures:
            options = ", ".join(f"{name}={value}" for name, value in failure.first.items())
            failures.add_row(str(failure.cells), failure.error, options)
        return Group(table, failures) if self.failures else table


def _duration(seconds: float) -> str:
    """Write a time for a person.

    Example:
        >>> _duration(3725.2)
        '1:02:05'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


@checked
def status(directory: str | Path) -> Status:
    """Look at a store, whether or not a driver is at work on it.

    Raises:
        InputError: there is no store in the directory.
    """
    with Store(directory) as store:
        counts, rate = store.counts(), store.rate()
        errors = store.errors()
        failures = tuple(Failure(line, cells, json.loads(first)["options"]) for line, cells, first in errors)
        return Status(
            cells=counts.pending + counts.done + counts.failed,
            done=counts.done,
            failed=counts.failed,
            pending=counts.pending,
            running=store.running,
            rate=rate,
            remaining_seconds=counts.pending / rate if rate else None,
            codes=store.codes(),
            failures=failures,
        )


@checked
def table(directory: str | Path) -> "pl.DataFrame":
    """Read the cells of the last grid, one row each, in its order.

    Returns:
        The columns key, status, the options (and the command's defaults) by name, the results with
        ``result.`` before theirs, code, seconds, finished (Unix time), error and environment (JSON). An option with the
        name of another column has ``option.`` before it.

    Raises:
        InputError: there is no store in the directory.

    Example:
        >>> import tempfile
        >>> from attncap.sweep import Grid, run
        >>> out = tempfile.mkdtemp()
        >>> _ = run(Grid("collections:Counter", product={"heads": [1, 2]}), out)
        >>> table(out)["heads", "result.heads"].rows()
        [(1, 1), (2, 2)]
    """
    import polars as pl

    with Store(directory) as store:
        rows = [_row(store, row) for row in store.rows()]
    columns = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([pl.Series(name, _alike([row.get(name) for row in rows]), strict=False) for name in columns])


def held(grid: Grid, directory: str | Path) -> list[dict[str, Any] | None]:
    """Return the result and the seconds of each cell of a grid that a store holds, whatever code gave it; run nothing.

    Example:
        >>> import tempfile
        >>> from attncap.sweep import Grid, run
        >>> out = tempfile.mkdtemp()
        >>> _ = run(Grid("collections:Counter", product={"heads": [1]}), out)
        >>> [one and one["heads"] for one in held(Grid("collections:Counter", product={"heads": [1, 2]}), out)]
        [1, None]
    """
    with Store(directory) as store:
        found = [store.latest(cell.identity) for cell in Plan.of(grid).cells()]
    return [one and {**json.loads(one[0]), "seconds": one[1]} for one in found]


def _alike(values: list[Any]) -> list[Any]:
    """Make a column's values of one type: beside lists a number is a list of one, and beside texts it is a text."""
    given = [value for value in values if value is not None]
    if any(isinstance(value, list) for value in given):
        rows = [value if value is None or isinstance(value, list) else [value] for value in values]
        items = iter(_alike([item for row in rows if row is not None for item in row]))
        return [None if row is None else [next(items) for _ in row] for row in rows]
    kinds = {
        dict if isinstance(v, dict) else bool if isinstance(v, bool) else str if isinstance(v, str) else float
        for v in given
    }
    wide = any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in given)
    if kinds <= {dict} or (len(kinds) == 1 and not wide):
        return values
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]


def _row(store: Store, row: dict[str, Any]) -> dict[str, Any]:
    try:
        identity, given = json.loads(row["identity"]), json.loads(row["result"] or "{}")
    except ValueError as error:
        raise InputError(f"{store.path}: expected the whole store of a sweep ({error})") from None
    options = {column(name): value for name, value in {**identity["defaults"], **identity["options"]}.items()}
    result = flatten({"result": given})
    first, last = ({name: row[name] for name in names} for names in (FIRST, LAST))
    return {**first, **options, **result, **last}


def column(option: str) -> str:
    """Name the column of an option, which is never another's.

    Example:
        >>> column("heads"), column("seconds")
        ('heads', 'option.seconds')
    """
    taken = option in (*FIRST, *LAST) or option.startswith(("result.", "option."))
    return f"option.{option}" if taken else option


@checked
def export(directory: str | Path, path: str | Path, *, force: bool = False) -> int:
    """Write the table as .parquet or .csv (lists as JSON), and return the number of rows.

    Raises:
        InputError: another suffix, no store, or a file that must not be replaced.
    """
    import polars as pl

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path}: cannot write a {path.suffix or 'file without suffix'!r}; use {' or '.join(FORMATS)}")
    frame = table(directory)
    with replacing(path, force=force) as temporary:
        if suffix == ".parquet":
            frame.write_parquet(temporary)
        else:
            nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
            columns = [pl.Series(name, [json.dumps(v) for v in frame[name].to_list()]) for name in nested]
            frame.with_columns(columns).write_csv(temporary)
    return frame.height
