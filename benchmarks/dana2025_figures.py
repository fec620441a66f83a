"""Four figures of Dana, Pydi and Chevaleyre 2025 at the paper's size, published and measured: an hour of one core."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from attncap.papers.dana2025.claims import KNOWN
from attncap.papers.dana2025.published import Experiment
from attncap.papers.figure import figures
from benchmarks.page import Rows, show

COLUMNS = ("figure", "line", "", "at", "accuracies")
# Those that train in minutes; the others take days.
SHOWN = ("fig1a", "fig1b", "fig2a", "fig4")
POINTS = ": accuracy"
LETTERS = {"heads": "H", "head_dim": "$d_h$", "embedding_dim": "d"}


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return what was published and what each recipe reached, a row each, below each other."""
    return COLUMNS, [row for id in SHOWN for row in rows(KNOWN[id])]


@cache
def measured(id: str) -> Mapping[str, Any]:
    """Train a figure's models; those that the user's cache holds are not trained again."""
    return figures("dana2025")[id].draw("paper", 0).measured


def rows(wanted: Experiment) -> Iterator[list[str]]:
    """Yield the rows of a figure."""
    along = f"{LETTERS[wanted.x]} = {' '.join(map(str, wanted.values))}"
    for line in wanted.lines:
        place = [wanted.id.removeprefix("fig"), line.label]
        yield [*place, "published", along, in_a_row(line.accuracy)]
        for recipe, points in by_recipe(wanted.id).items():
            reached = [each["accuracy"] for each in points if each["line"] == line.label]
            yield [*place, f"recipe `{recipe}`", along, in_a_row(reached)]


def by_recipe(id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the points of a figure: line, place, mean accuracy and the published one."""
    return {key.removesuffix(POINTS): found for key, found in measured(id).items() if key.endswith(POINTS)}


def in_a_row(accuracies: Iterable[float]) -> str:
    """Write accuracies to three digits."""
    return " ".join(f"{each:.3f}".removeprefix("0") for each in accuracies)


if __name__ == "__main__":
    main()
