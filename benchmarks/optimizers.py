"""Optimizers for the exact loss: what each memorizes in the steps of recipe "best"."""

from dataclasses import replace
from typing import Any

import numpy as np

from attncap import tasks
from attncap.train import BEST, Architecture
from attncap.train.associations.problem import Lane
from attncap.train.loop.lanes import train
from benchmarks.page import Rows, show

N, D, SEEDS = 50, 10, 5
HEADS = (11, 16)
# How each row differs from recipe "best".
ROWS: tuple[dict[str, Any], ...] = (
    {"optimizer": "adam", "rate": 0.02, "initialization": "paper"},
    {"optimizer": "soap"},
    {"forget_to": 1.0},
    {"initialization": "paper"},
    {},
)
EACH = ("accuracy", "bits per parameter", "of each seed")
COLUMNS = (
    "optimizer",
    "rate",
    "starts",
    "$\\phi$ ends at",
    *(f"$H = {heads}$: {name}" if name == EACH[0] else name for heads in HEADS for name in EACH),
)


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a variant of the recipe: medians of accuracy and bits per parameter over seeds, and each seed's."""
    task = tasks.random_associations(N, 2, N * N, seed=0)
    rows = []
    for changes in ROWS:
        recipe = replace(BEST, **changes)
        row = [recipe.optimizer, f"{recipe.rate:g}", recipe.initialization, f"{recipe.forget_to:g}"]
        for heads in HEADS:
            run = train([Lane(task, Architecture(N, 2, D, D, heads), seed) for seed in range(SEEDS)], recipe)
            rated = [one.bits_per_parameter for one in run.models]
            row += [f"{np.median([one.recall for one in run.models]):.3f}", f"{np.median(rated):.3f}"]
            row.append(" ".join(f"{each:.3f}" for each in rated))
        rows.append(row)
    return COLUMNS, rows


if __name__ == "__main__":
    main()
