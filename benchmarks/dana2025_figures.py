"""Four figures of Dana, Pydi and Chevaleyre 2025 at the paper's size, published and measured: half an hour."""

from collections.abc import Iterable, Iterator
from functools import cache

import polars as pl

from attncap.papers.dana2025.claims import KNOWN
from attncap.papers.dana2025.experiments import experiment, means
from attncap.papers.dana2025.published import Experiment
from benchmarks.page import Rows, show

COLUMNS = ("figure", "line", "", "at", "accuracies")
# Those that train in minutes; the others take days.
SHOWN = ("fig1a", "fig1b", "fig2a", "fig4")
LETTERS = {"heads": "H", "head_dim": "$d_h$", "embedding_dim": "d"}


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return what was published and what recipe `paper` reached, a row each, below each other."""
    return COLUMNS, [row for id in SHOWN for row in rows(KNOWN[id], trained(id))]


@cache
def trained(id: str) -> pl.DataFrame:
    """Train a figure's models, a row each; those that the user's cache holds are not trained again."""
    return experiment(KNOWN[id], ("paper",), 0).table


def rows(wanted: Experiment, models: pl.DataFrame) -> Iterator[list[str]]:
    """Yield the rows of a figure."""
    along = f"{LETTERS[wanted.x]} = {' '.join(map(str, wanted.values))}"
    points = means(models, wanted.x)
    for line in wanted.lines:
        place = [wanted.id.removeprefix("fig"), line.label]
        reached = points.filter(line=line.label)["accuracy"]
        yield [*place, "published", along, in_a_row(line.accuracy)]
        yield [*place, "measured", along, in_a_row(reached)]


def in_a_row(accuracies: Iterable[float]) -> str:
    """Write accuracies to three digits."""
    return " ".join(f"{each:.3f}".removeprefix("0") for each in accuracies)


if __name__ == "__main__":
    main()
