"""What Liao et al. 2025 say in words, judged by the limit."""

from attncap.papers.liao2025.claims import claims
from benchmarks.page import Rows, show

COLUMNS = ("claim", "of", "setting", "numbers", "verdict")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a claim."""
    rows = claims("quick", 0).table.rows(named=True)
    # A bar would end a cell.
    return COLUMNS, [
        [row[name].replace(" | ", "; ").replace("<", "\\<").replace(">", "\\>") for name in COLUMNS] for row in rows
    ]


if __name__ == "__main__":
    main()
