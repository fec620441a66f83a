"""The figures of Liao et al. 2025 at a quarter of the paper's sizes: how many simulated points the limit meets."""

from functools import cache
from typing import Any

from attncap.papers.liao2025.figures import CURVES
from benchmarks.page import Rows, show

COLUMNS = ("figure", "shows", "setting of", "points", "agree", "largest misfit")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a figure."""
    return COLUMNS, [row(**each) for each in drawn()]


@cache
def drawn() -> list[dict[str, Any]]:
    """Draw every figure that needs no data of others."""
    return [{"wanted": each, "measured": each.draw("quick", 0).measured} for each in CURVES]


def row(wanted: Any, measured: Any) -> list[str]:
    """Return a figure's row."""
    whose = "ours" if wanted.published["setting"] == "ours" else "the paper"
    counts = [str(measured[name]) for name in ("points", "agreeing")]
    return [f"`{wanted.id}`", wanted.shows, whose, *counts, f"{measured['largest_misfit']:.4f}"]


if __name__ == "__main__":
    main()
