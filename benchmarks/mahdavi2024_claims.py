"""What Mahdavi et al. 2024 say in words, judged on layers a fortieth of theirs: a quarter of an hour."""

from attncap.papers.mahdavi2024.claims import claims
from benchmarks.page import Rows, show

COLUMNS = ("claim", "where", "numbers", "verdict")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a claim; runs that the user's cache holds are not made again."""
    return COLUMNS, claims("quick", 0).table.select("claim", "where", "numbers", "ours").rows()


if __name__ == "__main__":
    main()
