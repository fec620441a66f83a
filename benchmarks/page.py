"""A benchmark's table: on the terminal, or as the file that a page of the docs includes."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe

MEASURED = Path(__file__).parents[1] / "docs" / "measured"
Rows = Sequence[Sequence[str]]


def show(columns: Sequence[str], rows: Rows) -> None:
    """Print a table, the machine above it."""
    table = Table(*columns, title=describe())
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def write(name: str, columns: Sequence[str], rows: Rows, folder: Path = MEASURED) -> Path:
    """Write a benchmark's table as Markdown, below a line that names the command."""
    lines = [" | ".join(row) for row in (columns, ["---"] * len(columns), *rows)]
    path = folder / f"{name}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f"<!-- written by: python -m benchmarks {name} --write -->\n\n" + "".join(f"| {line} |\n" for line in lines)
    )
    return path
