"""Tables of text cells, from files, standard input and data frames."""

import gzip
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any, cast

from attncap.data import readers
from attncap.data.spelling import spelling
from attncap.errors import InputError
from attncap.progress import note
from attncap.result import several

STDIN = "-"
# Spreadsheets, which every program that makes them also saves as text.
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"


class Unreadable(str):
    """In the place of a cell that is neither text nor a number nor a list of them: what it holds."""


Cell = str | None


@dataclass(frozen=True)
class Table:
    """Rows of text cells (None where a cell is missing), each with its place in the source.

    Attributes:
        name: the file, or the named table.
        columns: the names of the columns, each once; a field of a nested record is ``a.b``.
        rows: one list of cells a row, as long as ``columns``.
        places: the line or row number of each row in its source, for error messages.
        notes: how it was read, where that is not obvious.
    """

    name: str
    columns: list[str]
    rows: list[list[Cell]]
    places: list[int]
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(records: Any, name: str = "table") -> "Table":
        """Make a table of a pandas or polars frame, a list of dicts, or a dict of columns.

        Example:
            >>> Table.of([{"country": "Peru", "capital": "Lima"}]).rows
            [['Peru', 'Lima']]
        """
        if isinstance(records, Mapping):
            try:
                records = [dict(zip(records, row, strict=True)) for row in zip(*records.values(), strict=True)]
            except (TypeError, ValueError):
                raise InputError(f"{name}: expected columns of one length") from None
        if not isinstance(records, Sequence):
            import narwhals

            try:
                records = list(narwhals.from_native(records, eager_only=True).iter_rows(named=True))
            except TypeError:
                raise InputError(name, "a path, a frame, a list of dicts or a dict of columns", records) from None
        if not all(isinstance(record, Mapping) for record in records):
            raise InputError(name, "a frame, a list of dicts or a dict of columns", records)
        return _of_records(name, records, range(1, len(records) + 1))


def is_table(source: str | Path) -> bool:
    """Tell a name that `read_table` reads by its suffix, or standard input.

    Example:
        >>> is_table("Facts.CSV.gz"), is_table("-"), is_table("song.txt")
        (True, True, False)
    """
    return str(source) == STDIN or _suffix(Path(source)) in FORMATS


def read_table(path: str | Path) -> Table:
    """Read a table; every cell becomes text, missing cells None, a list one text joined by "; ".

    Text is read in one spelling, Unicode's NFC without invisible characters; what this changed is in the notes.

    Args:
        path: a .csv, .tsv, .jsonl, .json or .parquet file, UTF-8, perhaps with .gz; ``-`` for standard input. A
            pipe, which has no suffix, is told by its content.

    Returns:
        The table.

    Raises:
        InputError: names the file and the line, what was expected and what was got.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "t.jsonl"
        >>> _ = path.write_text('{"country": "Peru", "tongues": ["Spanish", "Quechua"], "sea": null}')
        >>> read_table(path).rows
        [['Peru', 'Spanish; Quechua', None]]
    """
    path = Path(path)
    try:
        with _open(path) as file:
            head = file.peek(readers.HEAD)
            suffix = _suffix(path) if str(path) != STDIN else ""
            if suffix in WORKBOOKS:
                raise InputError(f"{path}: cannot read a {suffix!r} file; save it as .csv")
            if suffix not in FORMATS and (suffix or not head):
                raise InputError(f"{path}: cannot read a {suffix or 'suffixless'!r} file; use {', '.join(FORMATS)}, -")
            return FORMATS[suffix or _kind(head)](str(path), file)
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror or error})") from None
    except EOFError as error:
        raise InputError(f"{path}: cannot read ({error})") from None


def cell_text(value: Any) -> Cell:
    """Turn one value into the text of a cell.

    Example:
        >>> cell_text(["a", None, 2]), cell_text(" "), cell_text(True), cell_text(1.5), cell_text(b"Lima")
        ('a; 2', None, 'true', '1.5', 'Lima')
    """
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case str():
            return value.strip() or None
        case bytes():
            try:
                return cell_text(value.decode())
            except UnicodeDecodeError:
                return Unreadable("bytes that are not UTF-8 text")
        case float() | Decimal():
            if math.isinf(value):
                return Unreadable("an infinite number")
            return None if math.isnan(value) else str(value)
        case list() | tuple():
            cells = [cell_text(item) for item in value]
            wrong = next((cell for cell in cells if isinstance(cell, Unreadable)), None)
            return wrong if wrong is not None else "; ".join(filter(None, cells)) or None
        case Mapping():
            return Unreadable("an object")
    # Missing values of pandas: NaT differs from itself, and NA is neither true nor false.
    try:
        return None if value != value else cell_text(str(value))
    except TypeError:
        return None


@contextmanager
def _open(path: Path) -> Iterator[readers.File]:
    with ExitStack() as opened:
        if str(path) == STDIN:
            file = cast(BufferedReader, sys.stdin.buffer)
        else:
            readers.check_file(path)
            if path.is_fifo():
                note(f"{path}: waiting for what is written to this pipe")
            file = opened.enter_context(path.open("rb"))
        packed = file.peek(len(GZIP)).startswith(GZIP)
        yield opened.enter_context(gzip.open(file)) if packed else file


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return "".join(suffixes[-2:-1] if suffixes[-1:] == [".gz"] else suffixes[-1:])


def _kind(head: bytes) -> str:
    if head.startswith(PARQUET):
        return ".parquet"
    return ".jsonl" if head.lstrip()[:1] in (b"{", b"[") else ".csv"


def _separated(delimiter: str | None) -> Any:
    def read(name: str, file: readers.File) -> Table:
        header, rows, places, notes = readers.separated(name, file, delimiter)
        columns, rows, dropped = _named_columns(header, rows)
        return _table(name, columns, rows, places, [*notes, *dropped])

    return read


def _json(name: str, file: readers.File) -> Table:
    records, places = readers.json_lines(name, file)
    return _of_records(name, records, places)


def _parquet(name: str, file: readers.File) -> Table:
    records = readers.parquet(name, file)
    return _of_records(name, records, range(1, len(records) + 1))


FORMATS = {
    ".csv": _separated(None),
    ".tsv": _separated("\t"),
    ".jsonl": _json,
    ".json": _json,
    ".parquet": _parquet,
}


def _of_records(name: str, records: Sequence[Mapping[str, Any]], places: Iterable[int]) -> Table:
    flat = [dict(_flat(record)) for record in records]
    columns = list(dict.fromkeys(chain.from_iterable(flat)))
    return _table(name, columns, [[record.get(column) for column in columns] for record in flat], list(places))


def _flat(record: Mapping[Any, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in record.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _named_columns(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]], list[str]]:
    """Leave out columns without a name that hold nothing, or the row numbers that pandas writes."""
    nameless = [index for index, name in enumerate(header) if not name]
    empty = [index for index in nameless if not any(row[index].strip() for row in rows)]
    numbers = [str(number) for number in range(len(rows))]
    index = [0] if 0 in nameless and 0 not in empty and [row[0] for row in rows] == numbers else []
    left_out = {*empty, *index}
    notes = ["the first column, row numbers without a name, is left out"] if index else []
    kept = [at for at in range(len(header)) if at not in left_out]
    return [header[at] for at in kept], [[row[at] for at in kept] for row in rows], notes


def _table(
    name: str, columns: list[str], rows: Sequence[Sequence[Any]], places: list[int], notes: Sequence[str] = ()
) -> Table:
    if not columns:
        raise InputError(f"{name}: is empty; expected a header and at least one row")
    if "" in columns:
        raise InputError(f"{name}: column {columns.index('') + 1} has no name; expected a header of named columns")
    for column in columns:
        if columns.count(column) > 1:
            raise InputError(f"{name}: column {column!r} is there twice; rename one")
    cells = [[cell_text(value) for value in row] for row in rows]
    spelt = [[_spelling(cell) for cell in row] for row in cells]
    respelt = sum(a != b for row, other in zip(cells, spelt, strict=True) for a, b in zip(row, other, strict=True))
    said = (f"{several(respelt, 'cell')} read in Unicode's composed form (NFC), without invisible characters",)
    return Table(name, [spelling(column) for column in columns], spelt, places, (*notes, *(said if respelt else ())))


def _spelling(cell: Cell) -> Cell:
    return cell if cell is None or isinstance(cell, Unreadable) else spelling(cell).strip() or None
