"""Ranks of 5,000 subsets, against a loop of matrix_rank."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from attncap.audit.shares import draw
from attncap.numerics.row_rank import Ranked
from attncap.numerics.row_rank import Rows as Vectors
from benchmarks.page import Rows, show

COUNT, DIM, SIZE, SUBSETS = 2000, 768, 197, 5000
# Of the loop, so many are timed; all of them would take minutes.
TIMED = 200
COLUMNS = ("vectors", "subsets per second", "loop", "times faster", "by matrix_rank itself", "same")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a kind of vectors."""
    return COLUMNS, list(ranks())


def cases(rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Yield vectors as layers have them."""
    decaying = rng.standard_normal((COUNT, DIM)) * np.geomspace(1, 1e-3, DIM)
    mean = decaying + 3 * rng.standard_normal(DIM)
    yield "float32, a common mean", mean.astype(np.float32)
    yield "float32, centred", (mean - mean.mean(axis=0)).astype(np.float32)
    edge = rng.standard_normal((COUNT, SIZE + 3)) @ rng.standard_normal((SIZE + 3, DIM))
    yield "float32, rank just there", (edge + 0.02 * rng.standard_normal((COUNT, DIM))).astype(np.float32)
    low = rng.standard_normal((COUNT, 150)) @ rng.standard_normal((150, DIM))
    yield "float32, rank 150", low.astype(np.float32)
    yield "float64, a common mean", mean
    yield "float64, float32's noise", mean.astype(np.float32).astype(np.float64)


def ranks(subsets: int = SUBSETS) -> Iterator[list[str]]:
    """Time the decisions, and a loop on one thread and on all, of which the faster counts."""
    rng = np.random.default_rng(0)
    for name, vectors in cases(rng):
        drawn = draw(COUNT, SIZE, subsets, rng)
        ours, seconds = timed(partial(decide, vectors, drawn))
        some = drawn[:TIMED]

        def loop(vectors: np.ndarray = vectors, some: np.ndarray = some) -> np.ndarray:
            return np.array([np.linalg.matrix_rank(vectors[each]) == SIZE for each in some])

        with threadpool_limits(1):
            theirs, single = timed(loop)
        _, several = timed(loop)
        each = min(single, several) / len(some)
        asked = ours.decided.get("matrix_rank", 0)
        same = f"{int((theirs == ours.full[: len(some)]).sum())} of {len(some)}"
        yield [
            name,
            f"{subsets / seconds:,.0f}",
            f"{1 / each:,.0f}",
            f"{each * subsets / seconds:.1f}",
            f"{asked}",
            same,
        ]


def decide(vectors: np.ndarray, subsets: np.ndarray) -> Ranked:
    """Decide all subsets, what they share included."""
    return Vectors(vectors).full(subsets)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    done = work()
    return done, time.perf_counter() - started


if __name__ == "__main__":
    main()
