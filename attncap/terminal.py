"""Lines for a person: text as it is, its control characters made visible, whole in a pipe and folded on a terminal."""

import io
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from rich.console import Console, ConsoleOptions, Group
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from attncap.characters import visible

# Nobody folds a pipe's lines.
UNFOLDED = 1_000_000
# Rows of a table that a notebook shows.
MOST_ROWS = 60


class Rows(Table):
    """A table without lines; where even its words do not fit, each row becomes a block of its own.

    Args:
        titles: of the columns, which can also be added; a table of names and values has none.
    """

    def __init__(self, *titles: str, gap: int = 2, **options: Any) -> None:
        settings: dict[str, Any] = {"show_header": bool(titles), "title_justify": "left", **options}
        super().__init__(*titles, box=None, padding=(0, gap, 0, 0), **settings)

    def add_column(self, *arguments: Any, **options: Any) -> None:
        """Add a column: see `rich.table.Table.add_column`."""
        super().add_column(*arguments, **{"overflow": "fold"} | options)
        self.show_header = True

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row; a cell of text is one line."""
        super().add_row(*(visible(cell) if isinstance(cell, str) else cell for cell in cells), **options)
        for column in self.columns:
            column.overflow = "fold"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Any]:
        needed = sum(self._measure_column(console, options, column).minimum for column in self.columns)
        if not self.show_header or needed <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        if self.title:
            yield console.render_str(str(self.title), style="italic")
        titles = [str(column.header) for column in self.columns]
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            block = Rows()
            for title, cell in zip(titles, cells, strict=True):
                if cell:
                    block.add_row(title, cell)
            yield block
            yield ""
        if self.caption:
            yield console.render_str(str(self.caption))


class _Verbatim(Console):
    """A console that takes no text for markup, emoji, or a thing to highlight, and passes no control character on."""

    def render_str(self, text: str, **options: Any) -> Text:
        options |= {"emoji": False, "markup": False, "highlight": False}
        return super().render_str(visible(text, keep="\n"), **options)

    def on_broken_pipe(self) -> None:
        raise


def show(items: Iterable[Any], file: Any, width: int | None = None) -> None:
    """Print texts and tables as whole lines without blanks at their ends.

    Args:
        items: strings, and what rich can render.
        file: where to; a terminal's lines are folded at its width.
        width: fold here instead.
    """
    console = _Verbatim(file=file, markup=False, emoji=False, highlight=False, force_jupyter=False)
    if width or not file.isatty():
        console.width = width or UNFOLDED
    lines = (line for item in items for line in console.render_lines(item, pad=False))
    console.print(Segments([segment for line in lines for segment in (*_trimmed(line), Segment.line())]), end="")


def shown(item: Any, width: int | None = None) -> str:
    """Return what `show` prints, without the last line's end.

    Example:
        >>> table = Rows("country", "capital")
        >>> table.add_row("[b]Peru[/b]", ":city: Lima")
        >>> print(shown(table))
        country      capital
        [b]Peru[/b]  :city: Lima
    """
    text = io.StringIO()
    show([item], text, width)
    return text.getvalue().rstrip("\n")


def as_html(item: Any) -> str:
    """Return what `show` prints as HTML for a notebook; text in it cannot become markup.

    Example:
        >>> table = Rows("country", "capital")
        >>> table.add_row("<b>Peru", "Lima")
        >>> print(as_html(table))
        <table><tr><th>country</th><th>capital</th></tr><tr><td>&lt;b&gt;Peru</td><td>Lima</td></tr></table>
    """
    while rich := getattr(item, "__rich__", None):
        item = rich()
    if isinstance(item, Group):
        return "".join(map(as_html, item.renderables))
    if not isinstance(item, Table):
        return f"<p>{escape(visible(str(item)))}</p>" if str(item) else ""
    rows = list(zip(*(column.cells for column in item.columns), strict=True))
    lines = [("td", row) for row in rows[:MOST_ROWS]]
    head = [("th", [column.header for column in item.columns])] if item.show_header else []
    body = "".join(f"<tr>{''.join(f'<{tag}>{_cell(one)}</{tag}>' for one in row)}</tr>" for tag, row in head + lines)
    notes = [item.title, item.caption, f"and {len(rows) - MOST_ROWS:,} more" if len(rows) > MOST_ROWS else ""]
    return f"<table>{body}</table>{''.join(as_html(note) for note in notes if note)}"


def _cell(cell: Any) -> str:
    return escape(visible(str(cell)))


def _trimmed(line: list[Segment]) -> list[Segment]:
    line = list(line)
    while line and not line[-1].text.strip(" "):
        line.pop()
    if line:
        last = line.pop()
        line.append(Segment(last.text.rstrip(" "), last.style, last.control))
    return line
