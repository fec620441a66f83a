"""What Mahdavi et al. 2024 say in words, judged on layers trained at an eighth of the paper's sizes: minutes."""

from attncap.papers.mahdavi2024.claims import claims
from benchmarks.page import Rows, show

COLUMNS = ("claim", "where", "numbers", "verdict")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a claim."""
    rows = claims("quick", 0).measured["claims"]
    return COLUMNS, [[row["claim"], row["where"], row["numbers"], row["ours"]] for row in rows]


if __name__ == "__main__":
    main()
