"""What the page of reproduced figures says: every figure, the published numbers beside ours, and the data."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from attncap import archive
from attncap.errors import InputError
from attncap.plots import live
from attncap.report import methods
from attncap.report.parts import Column, Figure, Page, Part, Picture, Section, Table, Words, numbers
from attncap.result import several

NOUN = "reproduction"
RESULT = "result.json"
FILES = (RESULT,)


def holds(directory: Path) -> bool:
    """Tell whether a directory holds reproduced figures."""
    if not (directory / RESULT).is_file() or (directory / archive.TASK).exists():
        return False
    found = archive.read_json(directory / RESULT)
    return isinstance(found, dict) and {"paper", "scale", "figures"} <= found.keys()


def page(directory: Path) -> Page:
    """Show every figure that was drawn.

    Raises:
        InputError: a file is missing or damaged.
    """
    told = archive.read_json(directory / RESULT)
    try:
        figures = {str(each["id"]): each for each in told["figures"]}
        sections = [Section(name, list(_figure(directory, each))) for name, each in figures.items()]
        drawn = [name for name, each in figures.items() if each["files"]]
    except (KeyError, TypeError, AttributeError, OSError) as error:
        raise InputError(f"{directory / RESULT}: not what attncap reproduce wrote ({error})") from None
    left = [name for name in figures if name not in drawn]
    return Page(
        title=f"{told['paper']}, reproduced",
        lead=f"{several(len(drawn), 'figure')} at the scale {told['scale']!r}, the published numbers beside ours",
        summary=[
            f"Drawn: {', '.join(drawn) or 'nothing'}." + (f" Left out: {', '.join(left)}." if left else ""),
            "What is called measured was computed in this run; what is called published is the paper's.",
        ],
        cards=[],
        sections=[
            *sections,
            methods.section([told["paper"]], {"scale": told["scale"], "files": methods.hashes(directory)}),
        ],
        source="Read from the files of the reproduction.",
    )


def _figure(directory: Path, told: Mapping[str, Any]) -> Iterator[Part]:
    name = str(told["id"])
    if not told["files"]:
        yield Words((f"Left out: {told['measured'].get('left_out', 'no file')}.",))
        return
    spec, picture = directory / f"{name}.json", directory / f"{name}.svg"
    if {spec.name, picture.name} <= set(told["files"]):
        yield Figure(live.block(archive.read_json(spec), name, picture.read_bytes()))
    elif picture.name in told["files"]:
        yield Picture(name, picture.read_bytes())
    rows = [*_leaves("measured", told["measured"]), *_leaves("published", told["published"])]
    columns = (
        Column("whose", [row[0] for row in rows]),
        Column("what", [row[1] for row in rows]),
        Column("value", [row[2] for row in rows]),
    )
    yield Table(f"{name}: measured and published", columns, name=f"{name}-numbers")
    if f"{name}.csv" in told["files"]:
        yield _data(directory / f"{name}.csv", name)


def _leaves(whose: str, value: Any, name: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the numbers and words of nested results, a list in one piece."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(whose, inner, f"{name}, {key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(each, list | Mapping) for each in value):
        for place, inner in enumerate(value, 1):
            yield from _leaves(whose, inner, f"{name}, {place}")
    else:
        text = ", ".join(map(_short, value)) if isinstance(value, list) else _short(value)
        yield whose, name.replace("_", " "), text


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value) if isinstance(value, bool) else str(value)


def _data(path: Path, name: str) -> Table:
    try:
        frame = pl.read_csv(path, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: cannot read ({error})") from None
    columns = tuple(
        numbers(each, frame[each].to_list(), "{:.6g}")
        if frame.schema[each].is_numeric()
        else Column(each, [None if value is None else str(value) for value in frame[each].to_list()])
        for each in frame.columns
    )
    return Table(f"{name}: the data", columns, name=name)
