"""Certificates against orders of summation: how many fits are certified, and whether a certified answer ever flips."""

import numpy as np

from attncap import construct, measure, tasks
from attncap.models import AttentionOnlyTransformer
from attncap.progress import track
from benchmarks.page import Rows, show

# (method, source, d, heads): wide margins, the full count, and close to the largest number that is recalled.
CASES = (
    ("theorem", "random:50,2,60", 10, None),
    ("theorem", "random:50,2,220", 10, None),
    ("theorem", "random:20,3,100", 6, None),
    ("theorem", "random:10,4,80", 4, None),
    ("theorem", "random:2,10,60", 8, None),
    ("margin", "random:50,3,300", 10, 11),
    ("margin", "random:50,3,540", 10, 11),
    ("margin", "random:10,3,300", 8, 8),
    ("margin", "random:2,12,150", 10, 11),
    ("margin", "random:2,12,196", 10, 11),
)
SEEDS = 30
COLUMNS = ("method", "task", "d", "fits", "certified", "answers certified", "of these flip", "others flip")


def flips(model: AttentionOnlyTransformer, task: tasks.Associations, rows: np.ndarray) -> int:
    """Return how many of the certified answers some order gets wrong."""
    right = [measure.right_in(model, task, order) for order in measure.ORDERS]
    return int((rows & ~np.logical_and.reduce(right)).sum())


def sweep(seeds: int) -> list[tuple[str, ...]]:
    """Return a row a case: fits, those certified whole, answers certified, of these that flip, others that do."""
    rows: list[tuple[str, ...]] = []
    for method, source, dim, heads in track(CASES, "certificates"):
        fits = whole = proved = asked = flipped = others = 0
        for seed in range(seeds):
            task = tasks.load(source, seed=seed)
            try:
                fit = getattr(construct, method)(task, dim, heads=heads, seed=seed)
            except construct.NotMemorized:
                continue
            model = fit.model.astype("float32")
            found = measure.certify(model, task)
            fits, whole, asked = fits + 1, whole + found.certified, asked + task.associations
            proved += found.associations
            flipped += flips(model, task, found.rows)
            others += flips(model, task, ~found.rows)
        shares = (f"{fits}", f"{whole}", f"{proved:,} of {asked:,}", f"{flipped}", f"{others}")
        rows.append((method, source, str(dim), *shares))
    return rows


def table() -> tuple[tuple[str, ...], Rows]:
    """Return the table of all cases."""
    return COLUMNS, sweep(SEEDS)


def main() -> None:
    """Print the table."""
    show(*table())
    print(f"float32, {len(measure.ORDERS)} orders of summation, {SEEDS} seeds")


if __name__ == "__main__":
    main()
