"""One part of the layer of Mahdavi et al. 2024 changed at a time, at a fortieth of its size: ten minutes."""

from attncap.papers.mahdavi2024.capacities import ablations
from benchmarks.page import Rows, show

COLUMNS = ("changed", "contexts", "accuracy", "bits", "parameters", "bits per parameter")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a change and kind of contexts, the mean over the seeds."""
    means = ablations("quick", 0).measured["ablations"]
    return COLUMNS, [
        [
            one["change"],
            one["contexts"],
            f"{one['accuracy']:.3f}",
            f"{one['bits']:,.0f}",
            f"{one['parameters']:,}",
            f"{one['bits_per_parameter']:.3f}",
        ]
        for one in means
    ]


if __name__ == "__main__":
    main()
