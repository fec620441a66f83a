"""What Mahdavi et al. 2024 say of accuracies, judged on layers a fortieth of theirs: a quarter of an hour."""

from attncap.papers.mahdavi2024.claims import CLAIMS, judged
from attncap.papers.mahdavi2024.experiments import curves
from attncap.papers.mahdavi2024.settings import KNOWN, MINI
from benchmarks.page import Rows, show

COLUMNS = ("claim", "where", "numbers", "verdict")
OURS = "setting: ours"


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a claim of the paper; runs that the user's cache holds are not made again."""
    rows = []
    for claim in CLAIMS:
        if claim.where != OURS:
            found = curves(KNOWN[claim.figure], "quick", 0)
            row = judged(claim.says, claim.where, claim.figure, *claim.judge(found, MINI["context"]))
            rows.append([row["claim"], row["where"], row["numbers"], row["ours"]])
    return COLUMNS, rows


if __name__ == "__main__":
    main()
