"""How saturated softmaxes are when training ends, and what capping the scores costs: a minute."""

from attncap.papers.mahdavi2024.saturation import saturation
from benchmarks.page import Rows, show

COLUMNS = (
    "layer",
    "Theorem 1",
    "accuracy",
    "examples and heads saturated",
    "heads saturated",
    "examples told apart per head",
    "in the proof",
)


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a layer."""
    return COLUMNS, [
        [
            end["series"],
            str(end["theorem"]),
            f"{end['accuracy']:.3f}",
            f"{end['saturated']:.3f}",
            f"{end['saturated_heads']:.0f}",
            f"{end['told_apart_per_head']:.0f}",
            str(end["told_apart_per_head_in_the_proof"]),
        ]
        for end in saturation("quick", 0).measured["ends"]
    ]


if __name__ == "__main__":
    main()
