"""Whether `memorize` fills the shapes that `plan` recommends: the named tables, and random tasks of random sizes."""

from collections.abc import Iterator

import numpy as np

from attncap import bounds, methods, tasks
from attncap.bounds.planner import Plan
from attncap.construct import NotMemorized
from attncap.progress import track
from benchmarks.page import Rows, show

# countries takes many minutes: `make slow` fills its plan.
TABLES = ("capitals", "elements")
SEED, RANDOM, LARGEST = 2026, 5, 1500
COLUMNS = ("task", "method", "d", "d_h", "H", "type", "recalled", "certified")


def drawn(seed: int, count: int = RANDOM) -> list[str]:
    """Return random tasks whose sizes are random too: N, S and T even in their logarithms."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        N, S = int(2 ** rng.uniform(1, 10)), int(rng.integers(2, 9))
        T = int(np.exp(rng.uniform(*np.log(np.minimum((50, LARGEST), float(N) ** S)))))
        found.append(f"random:{N},{S},{T}")
    return found


def filled(source: str, seed: int) -> Iterator[tuple[Plan, int, str]]:
    """Yield the shapes that are recommended for a task, and how many answers are right and certified once filled."""
    task = tasks.load(source, seed=seed)
    for plan in bounds.plan(task).plans:
        if plan.dtype is not None:
            fill = methods.find("associations", plan.method).function
            try:
                fit = fill(task, plan.embedding_dim, plan.head_dim, plan.heads, dtype=plan.dtype, seed=seed)
            except NotMemorized as error:
                print(f"{source}, {plan.method}: {error}")
                yield plan, 0, "no"
            else:
                recall = fit.recall[plan.dtype]
                # Method joint stores rows of the tokens in use; a plan counts them by the rank of the data.
                spare = 4 * fit.shape.embedding_dim if plan.method == "joint" else 0
                assert fit.shape.heads == plan.heads
                assert abs(fit.shape.parameters - plan.parameters) <= spare
                yield plan, recall.correct, recall.proof


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a task and method."""
    rows = []
    for source in track((*TABLES, *drawn(SEED)), "plans"):
        size = tasks.load(source, seed=SEED).associations
        for plan, right, proved in filled(source, SEED):
            shape = (str(plan.embedding_dim), str(plan.head_dim), str(plan.heads), str(plan.dtype))
            rows.append((source, plan.method, *shape, f"{right:,} of {size:,}", proved))
    return COLUMNS, rows


def main() -> None:
    """Print the table."""
    show(*table())


if __name__ == "__main__":
    main()
