"""Figure 2b of Dana, Pydi and Chevaleyre 2025: associations gained per head, from the runs of Figure 1a."""

from attncap.papers.dana2025.claims import KNOWN
from attncap.papers.figure import figures
from benchmarks.page import Rows, show


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a series: the slope of accuracy up to the first above .95, times all pairs."""
    pairs = KNOWN["fig1a"].shared["vocabulary"] ** 2
    drawn = figures("dana2025")["fig2b"].draw("paper", 0)
    wide = drawn.table.pivot("d", index="series", values="slope")
    rows = [[name, *(f"{pairs * slope:.1f}" for slope in slopes)] for name, *slopes in wide.rows()]
    laws = {key.partition(":")[0]: law for key, law in drawn.measured.items() if key.endswith(": best law")}
    return ("d =", *wide.columns[1:], "laws that fit"), [[*row, laws.get(row[0], "")] for row in rows]


if __name__ == "__main__":
    main()
