"""What Dana, Pydi and Chevaleyre 2025 say in words, judged on the accuracies that they published."""

from attncap.papers.dana2025.claims import CLAIMS, KNOWN, published
from benchmarks.page import Rows, show

COLUMNS = ("claim", "where", "numbers", "verdict")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a claim."""
    known = {id: published(id) for id in KNOWN}
    return COLUMNS, [[claim.says, claim.where, *claim.judge(known)] for claim in CLAIMS]


if __name__ == "__main__":
    main()
