"""How many labels of one shared context a layer fits when its scores are fitted too: least squares, random starts."""

import numpy as np
from rich.console import Console
from rich.table import Table

from attncap import tasks
from attncap.construct.labelled.count import capacity_of
from attncap.construct.labelled.paired_heads import fitted_heads
from attncap.measure.examples import predicted, residual
from benchmarks.machine import describe

# H, n, d; beyond the first two counts nothing is known of a layer.
SHAPES = ((1, 2, 4), (1, 3, 4), (2, 2, 4), (2, 3, 4), (3, 2, 4), (4, 2, 3))
TRIALS, TRIES, FITTED = 6, 5, 1e-9


def main() -> None:
    table = Table("H", "n", "d", "fixed scores", "proved", "all fitted", "some fitted", "at most", title=describe())
    for heads, context, dim in SHAPES:
        counts = capacity_of(tasks.random_examples(2, context, dim, shared=True), dim, heads)
        shares = {
            count: share(count, heads, context, dim)
            for count in range(counts["proved"], counts["degrees_of_freedom"] + 2)
        }
        whole = max((count for count, found in shares.items() if found == 1), default=0)
        some = max((count for count, found in shares.items() if found > 0), default=0)
        row = (heads, context, dim, counts["shared"], counts["proved"], whole, some, counts["degrees_of_freedom"])
        table.add_row(*map(str, row))
    table.caption = f"{TRIALS} draws of queries and labels, up to {4 * TRIES} random starts each"
    Console(width=120).print(table)


def share(count: int, heads: int, context: int, dim: int) -> float:
    """Return the share of random tasks that some random start fits."""
    return float(
        np.mean([any(fits(count, heads, context, dim, trial, t) for t in range(TRIES)) for trial in range(TRIALS)])
    )


def fits(count: int, heads: int, context: int, dim: int, trial: int, start: int) -> bool:
    task = tasks.random_examples(count, context, dim, shared=True, seed=trial)
    layer = fitted_heads(task, dim, heads, 3.0, np.random.default_rng([trial, start]), paired=False)
    return residual(predicted(layer, task.contexts, task.queries), task.labels) <= FITTED


if __name__ == "__main__":
    main()
