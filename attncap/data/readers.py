"""Rows out of CSV, TSV, JSON lines and parquet, and clear words about what is none of them."""

import csv
import gzip
import io
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from attncap.data.json_text import parse_json
from attncap.errors import InputError
from attncap.result import several

File = io.BufferedReader | gzip.GzipFile
HEAD = 1 << 16
LONGEST_LINE = 1 << 20
SEPARATORS = ",;\t|"


def check_file(path: Path) -> None:
    """Refuse what is no file and has no end.

    Raises:
        InputError: it is a directory or a device.
        OSError: it cannot be found.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a directory; expected a file")
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise InputError(f"{path}: is a device; expected a file or a pipe")


def lines(name: str, file: File) -> Iterator[str]:
    """Yield the lines of a text file, refusing what is not text before it fills the memory."""
    head = file.peek(HEAD)[:HEAD]
    end = b"\r" if b"\r" in head and b"\n" not in head else b"\n"
    pieces = iter(partial(file.readline, LONGEST_LINE + 1), b"") if end == b"\n" else _split(file, end)
    for number, line in enumerate(pieces, 1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{name}, line {number}: longer than {LONGEST_LINE:,} bytes; expected a table")
        if b"\0" in line:
            raise InputError(f"{name}, line {number}: holds a zero byte; expected UTF-8 text")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte = f"0x{line[error.start]:02x}"
            raise InputError(f"{name}, line {number}: byte {byte} is not UTF-8; save the file as UTF-8") from None


def separated(name: str, file: File, delimiter: str | None) -> tuple[list[str], list[list[str]], list[int], list[str]]:
    """Read separated values: the header, the rows, their line numbers, and notes.

    Args:
        name: of the file, for messages.
        file: its bytes.
        delimiter: a tab, with quotes as text; None for the one of `SEPARATORS` that splits the header, with quotes
            around cells that hold it.
    """
    csv.field_size_limit(LONGEST_LINE)
    text = lines(name, file)
    skipped, first = next(((number, line) for number, line in enumerate(text) if line.strip()), (0, ""))
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if delimiter is None else csv.QUOTE_NONE
    notes = []
    if delimiter is None:
        delimiter = max(SEPARATORS, key=lambda mark: _cells(first, mark))
        if delimiter != ",":
            notes.append(f"cells separated by {delimiter!r}")
    reader = csv.reader(chain([first], text), delimiter=delimiter, quoting=quoting, strict=True)
    header: list[str] = []
    rows, places = [], []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                continue
            if len(cells) != len(header):
                place = f"{name}, line {skipped + reader.line_num}"
                raise InputError(f"{place}: expected {several(len(header), 'cell')}, got {len(cells)}")
            rows.append(cells)
            places.append(skipped + reader.line_num)
    except csv.Error as error:
        raise InputError(
            f"{name}, line {skipped + reader.line_num}: not a table ({str(error).partition(' - ')[0]})"
        ) from None
    return header, rows, places, notes


def _cells(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter), ()))
    except csv.Error:
        return 0


def json_lines(name: str, file: File) -> tuple[list[dict[str, Any]], list[int]]:
    """Read one JSON object a line, or one array of them: the records and their line (or item) numbers."""
    text = lines(name, file)
    skipped, first = next(((number, line) for number, line in enumerate(text) if line.strip()), (0, ""))
    if first.lstrip().startswith("["):
        whole = "".join(chain([first], text))
        records = parse_json(name, whole, partial(_record, name))
        if isinstance(records, list):
            places = list(range(1, len(records) + 1))
            return [_object(name, "item", place, record) for place, record in enumerate(records, 1)], places
    numbered = [(number, line) for number, line in enumerate(chain([first], text), skipped + 1) if line.strip()]
    records = [
        _object(name, "line", number, parse_json(place, line, partial(_record, place)))
        for number, line in numbered
        for place in [f"{name}, line {number}"]
    ]
    return records, [number for number, _ in numbered]


@contextmanager
def sound(name: str) -> Iterator[None]:
    """Turn whatever polars says of a parquet file that is none, or damaged, into one line.

    Raises:
        InputError: says so.
    """
    import polars as pl

    try:
        with _silent():
            yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InputError(f"{name}: not a whole parquet file ({[*str(error).splitlines(), ''][0]})") from None


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what Rust writes to the terminal of a panic from it."""
    try:
        before = os.dup(2)
    except OSError:
        yield
        return
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def parquet(name: str, file: File) -> list[dict[str, Any]]:
    """Read the rows of a parquet file; numbers of 32 bits with the digits that they have."""
    import numpy as np
    import polars as pl

    with sound(name):
        frame = pl.read_parquet(io.BytesIO(file.read()))
    short = [column for column, kind in frame.schema.items() if kind == pl.Float32]
    records = frame.rows(named=True)
    for record in records:
        record |= {column: float(str(np.float32(record[column]))) for column in short if record[column] is not None}
    return records


def _split(file: File, end: bytes) -> Iterator[bytes]:
    rest = b""
    while piece := file.read(HEAD):
        *whole, rest = (rest + piece).split(end)
        yield from (line + b"\n" for line in whole)
        if len(rest) > LONGEST_LINE:
            break
    if rest:
        yield rest


def _object(name: str, unit: str, number: int, record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise InputError(f"{name}, {unit} {number}: expected an object {{...}}, got {json.dumps(record)[:40]!r}")
    return record


def _record(where: str, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"{where}: key {twice!r} is there twice; expected it once")
    return dict(pairs)
