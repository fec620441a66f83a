"""What a page consists of: words, tables, figures and texts to copy, in sections."""

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from attncap.result import plain

# Rows that stand in the page itself; what is beyond them is compressed.
WRITTEN = 100
Kind = Literal["text", "number"]


@dataclass(frozen=True)
class Words:
    """Paragraphs."""

    lines: tuple[str, ...]
    kind: ClassVar[str] = "words"


@dataclass(frozen=True)
class Code:
    """A text to copy."""

    label: str
    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Figure:
    """A chart.

    Args:
        html: what `attncap.plots.interactive` returns.
    """

    html: str
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Picture:
    """A figure that only its picture is left of.

    Args:
        label: what it shows.
        svg: the picture; it is shown as an image, where nothing in it runs.
    """

    label: str
    svg: bytes
    kind: ClassVar[str] = "picture"

    @property
    def data(self) -> str:
        """The picture in base64."""
        return base64.b64encode(self.svg).decode()


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: its heading.
        values: one a row; None is shown as a dash.
        format: of its numbers, for `str.format`; a browser shows what is written here.
        kind: how it is sorted and aligned.
    """

    name: str
    values: Sequence[Any]
    format: str = "{:,}"
    kind: Kind = "text"

    def texts(self, rows: int | None = None) -> list[str]:
        """Return the cells as they are shown."""
        return [self._text(value) for value in self.values[:rows]]

    def _text(self, value: Any) -> str:
        if value is None or value != value:
            return "–"
        return self.format.format(value) if self.kind == "number" else str(value)


def numbers(name: str, values: Sequence[Any], format: str = "{:,}") -> Column:
    """Return a column of numbers."""
    return Column(name, values, format, "number")


@dataclass(frozen=True)
class Table:
    """A table that a reader sorts, searches and pages.

    Args:
        caption: what it shows.
        columns: of equal length.
        note: what a reader must know beside it.
        wrong: the rows to mark, the first so many: they should come first.
        name: of the file that it is saved as.
    """

    caption: str
    columns: tuple[Column, ...]
    note: str = ""
    wrong: int = 0
    name: str = "table"
    kind: ClassVar[str] = "table"

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.columns[0].values)

    @property
    def written(self) -> list[tuple[str, ...]]:
        """The rows that stand in the page itself, as they are shown."""
        return list(zip(*(column.texts(WRITTEN) for column in self.columns), strict=True))

    @property
    def data(self) -> str:
        """All rows, column by column: JSON, compressed, in base64."""
        columns = plain([list(column.values) for column in self.columns])
        shown = [column.texts() if column.kind == "number" else None for column in self.columns]
        text = json.dumps({"values": columns, "shown": shown}, ensure_ascii=False, separators=(",", ":"))
        # Without the time, so that the same table is the same bytes.
        return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


Part = Words | Code | Figure | Picture | Table


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it; one without parts is left out."""

    heading: str
    parts: Sequence[Part]

    @property
    def anchor(self) -> str:
        """The heading as the name of a place in the page."""
        return "-".join("".join(sign if sign.isalnum() else " " for sign in self.heading.lower()).split())


@dataclass(frozen=True)
class Page:
    """What a directory of results says.

    Args:
        title: what it is of.
        lead: what kind of result, in one line.
        summary: what it holds, how sure and what it costs, a sentence each.
        cards: the most important numbers and what each is.
        sections: the rest.
        source: the last line: what was computed when.
    """

    title: str
    lead: str
    summary: Sequence[str]
    cards: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    source: str
