"""The larger figures of Dana, Pydi and Chevaleyre 2025 with one model per point: two hours of one core."""

from dataclasses import replace

from attncap.papers.dana2025.claims import KNOWN
from attncap.papers.dana2025.experiments import experiment
from benchmarks.dana2025_figures import COLUMNS, rows
from benchmarks.page import Rows, show

# Figures 7 and 10 hold the lines of figures 5 and 8.
SHOWN = ("fig3", "fig6", "fig7", "fig9", "fig10")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return what was published and what one model of recipe `paper` reached, a row each, below each other."""
    single = [replace(KNOWN[id], seeds=1) for id in SHOWN]
    return COLUMNS, [row for each in single for row in rows(each, experiment(each, ("paper",), 0).table)]


if __name__ == "__main__":
    main()
