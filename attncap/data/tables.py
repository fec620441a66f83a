"""Tables of text cells from .csv, .tsv, .jsonl and .parquet files, and clear words about bad ones."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from attncap.errors import InputError

LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Table:
    """Rows of text cells (None where a cell is missing), each with its place in the source.

    Attributes:
        name: the file, or the named table.
        columns: the names of the columns, each once.
        rows: one list of cells a row, as long as ``columns``.
        places: the line or row number of each row in its source, for error messages.
    """

    name: str
    columns: list[str]
    rows: list[list[str | None]]
    places: list[int]


def read_table(path: str | Path) -> Table:
    """Read a table; every cell becomes text, missing cells None, a list one text joined by "; ".

    Args:
        path: a .csv, .tsv, .jsonl or .parquet file, UTF-8.

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
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: cannot read a {path.suffix or 'suffixless'!r} file; use {', '.join(READERS)}")
    if path.is_dir():
        raise InputError(f"{path}: is a directory; expected a file")
    try:
        return reader(path)
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror or error})") from None


def cell_text(value: Any) -> str | None:
    """Turn one value into the text of a cell.

    Example:
        >>> cell_text(["a", None, 2]), cell_text(" "), cell_text(True), cell_text(1.5)
        ('a; 2', None, 'true', '1.5')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, list | tuple):
        return "; ".join(filter(None, map(cell_text, value))) or None
    if isinstance(value, dict):
        raise TypeError("an object")
    return (str(value).lower() if isinstance(value, bool) else str(value).strip()) or None


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file, refusing what is not text before it fills the memory."""
    with path.open("rb") as file:
        for number in count(1):
            line = file.readline(LONGEST_LINE + 1)
            if not line:
                return
            if len(line) > LONGEST_LINE:
                raise InputError(f"{path}, line {number}: longer than {LONGEST_LINE:,} bytes; expected a table")
            if b"\0" in line:
                raise InputError(f"{path}, line {number}: holds a zero byte; expected UTF-8 text")
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                byte = f"0x{line[error.start]:02x}"
                raise InputError(f"{path}, line {number}: byte {byte} is not UTF-8; save the file as UTF-8") from None


def _separated(delimiter: str) -> Callable[[Path], Table]:
    def read(path: Path) -> Table:
        reader = csv.reader(_lines(path), delimiter=delimiter, strict=True)
        rows: list[list[str | None]] = []
        places: list[int] = []
        columns: list[str] = []
        try:
            for cells in reader:
                if not any(cells):
                    continue
                if not columns:
                    columns = _columns(path, [cell.strip() for cell in cells])
                    continue
                if len(cells) != len(columns):
                    raise InputError(f"{path}, line {reader.line_num}: expected {len(columns)} cells, got {len(cells)}")
                rows.append([cell_text(cell) for cell in cells])
                places.append(reader.line_num)
        except csv.Error as error:
            raise InputError(f"{path}, line {reader.line_num}: not a table ({error})") from None
        return Table(str(path), _columns(path, columns), rows, places)

    return read


def _jsonl(path: Path) -> Table:
    records: list[dict[str, Any]] = []
    places: list[int] = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=partial(_record, path, number))
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not JSON ({error})") from None
        if not isinstance(record, dict):
            raise InputError(f"{path}, line {number}: expected an object {{...}}, got {line.strip()[:40]!r}")
        records.append(record)
        places.append(number)
    columns = _columns(path, list(dict.fromkeys(key for record in records for key in record)))
    return _of_values(path, columns, ([record.get(key) for key in columns] for record in records), places)


def _record(path: Path, number: int, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"{path}, line {number}: key {twice!r} is there twice; expected it once")
    return dict(pairs)


def _parquet(path: Path) -> Table:
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: not a parquet file ({str(error).splitlines()[0]})") from None
    return _of_values(path, _columns(path, frame.columns), frame.iter_rows(), list(range(1, frame.height + 1)))


def _of_values(path: Path, columns: list[str], rows: Iterable[Iterable[Any]], places: list[int]) -> Table:
    cells = []
    for place, row in zip(places, rows, strict=True):
        try:
            cells.append([cell_text(value) for value in row])
        except TypeError as error:
            raise InputError(f"{path}, row {place}: a cell holds {error}; expected text, a number or a list") from None
    return Table(str(path), columns, cells, places)


def _columns(path: Path, names: list[str]) -> list[str]:
    if not names:
        raise InputError(f"{path}: is empty; expected a header and at least one row")
    if "" in names:
        raise InputError(f"{path}: column {names.index('') + 1} has no name; expected a header of named columns")
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{path}: column {name!r} is there twice; rename one")
    return names


READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
