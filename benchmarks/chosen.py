"""How many labels of one shared context a layer fits when its scores are fitted too: least squares, random starts."""

import numpy as np

from attncap import tasks
from attncap.construct.labelled.count import capacity_of
from attncap.construct.labelled.paired_heads import STARTS, fitted_heads
from attncap.measure.examples import predicted, residual
from benchmarks.page import Rows, show

# H, n, d
SHAPES = ((1, 2, 4), (1, 3, 4), (2, 2, 4), (2, 3, 4), (3, 2, 4), (4, 2, 3))
TRIALS, TRIES, FITTED = 4, 2, 1e-9
COLUMNS = (
    "H",
    "n",
    "d",
    "fixed scores",
    "by construction",
    "all draws fitted",
    "some draw fitted",
    "degrees of freedom",
)


def main() -> None:
    """Print the table."""
    show(*table())
    print(f"{TRIALS} draws of queries and labels, up to {STARTS * TRIES} random starts each")


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a shape."""
    return COLUMNS, [[str(number) for number in (*shape, *counted(*shape))] for shape in SHAPES]


def counted(heads: int, context: int, dim: int) -> tuple[int, ...]:
    """Return the promised counts beside the largest that all and that some draws fit."""
    counts = capacity_of(tasks.random_examples(2, context, dim, shared=True), dim, heads)
    whole = some = counts["proved"] - 1
    for count in range(counts["proved"], counts["degrees_of_freedom"] + 2):
        share = np.mean(
            [any(fits(count, heads, context, dim, trial, t) for t in range(TRIES)) for trial in range(TRIALS)]
        )
        whole, some = count if share == 1 else whole, count if share > 0 else some
        if share == 0:
            break
    return counts["shared"], counts["proved"], whole, some, counts["degrees_of_freedom"]


def fits(count: int, heads: int, context: int, dim: int, trial: int, start: int) -> bool:
    """Say whether one round of random starts fits so many labels."""
    task = tasks.random_examples(count, context, dim, shared=True, seed=trial)
    layer = fitted_heads(task, dim, heads, 3.0, np.random.default_rng([trial, start]), paired=False)
    return residual(predicted(layer, task.contexts, task.queries), task.labels) <= FITTED


if __name__ == "__main__":
    main()
