"""Recipe best against recipe paper on labelled examples with one context: accuracy, and how soon it is reached.

Runs of recipe paper are those of Figure 2a at the paper's size that the user's cache holds; runs of recipe best are
kept there too. How many steps a run needs is read from its looks, what a step costs is measured beside it.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from typing import Any

from attncap.commands.labelled import recipe_of, shape_of, task_of
from attncap.papers.mahdavi2024.settings import KNOWN
from attncap.papers.stored import kept, stored
from attncap.train.labelled.problem import Lane
from attncap.train.loop.lanes import train
from benchmarks.page import Rows, show

HEADS, COUNTS = (1, 10, 20, 40, 60), (10_000, 20_000)
SHARE = 0.99
# Steps of the shorter and the longer of two runs, whose difference is what a step costs; more where it is no second.
FEW, MORE, SECOND = 125, 375, 1.0
ROUNDS = 3
COLUMNS = (
    "H",
    "T",
    "accuracy: paper",
    "best",
    "steps to .99 of paper's: paper",
    "best",
    "CPU ms per step: paper",
    "best",
    "best's time over paper's",
)


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a shape whose run of recipe paper is there."""
    return COLUMNS, [row(heads, count) for count in COUNTS for heads in HEADS]


def row(heads: int, count: int) -> list[str]:
    """Compare the recipes on one shape, one seed each."""
    cell = KNOWN["fig2a"].cell("paper", count, heads, 0)
    paper = kept("train", [cell])[0]
    if paper is None:
        return [str(heads), f"{count:,}", "not run", *[""] * (len(COLUMNS) - 3)]
    other = {**cell, "recipe": "best", "steps": None}
    stored("train", [other], alone=True)
    best = kept("train", [other])[0] or {}
    wanted = SHARE * paper["accuracy"]
    steps = [reached(run, wanted) for run in (paper, best)]
    # In turn, since a machine's pace changes.
    rounds = [[step_seconds(one) for one in (cell, other)] for _ in range(ROUNDS)]
    costs = [median(taken) for taken in zip(*rounds, strict=True)]
    ratio = steps[1] * costs[1] / (steps[0] * costs[0])
    return [
        str(heads),
        f"{count:,}",
        *(f"{run['accuracy']:.3f}" for run in (paper, best)),
        *(f"{one:,.0f}" for one in steps),
        *(f"{1e3 * one:.2f}" for one in costs),
        f"{ratio:.2f}",
    ]


def reached(run: Mapping[str, Any], accuracy: float) -> float:
    """Return the steps after which a look first shows an accuracy; infinity if none does."""
    looks = zip(run["looks"]["step"], run["looks"]["accuracy"], strict=True)
    return min((step for step, seen in looks if seen >= accuracy), default=float("inf"))


def step_seconds(cell: Mapping[str, Any]) -> float:
    """Return the processor's seconds of a step, without compiling and without looks."""
    lane, recipe = Lane(task_of(cell), shape_of(cell), 0), recipe_of(cell)

    def used(steps: int) -> float:
        started = time.process_time()
        train([lane], replace(recipe, steps=steps, epochs=0, evaluate=0, stop=False))
        return time.process_time() - started

    used(FEW)
    few, more = used(FEW), MORE
    while (taken := used(more) - few) < SECOND:
        more *= 2
    return taken / (more - FEW)


if __name__ == "__main__":
    main()
