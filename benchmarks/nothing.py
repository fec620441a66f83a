"""What models hold that know nothing of the answers: random, untrained and those of another task, 200 draws a shape."""

from collections.abc import Iterator
from functools import partial
from unittest.mock import patch

import numpy as np
from scipy.stats import binom

from attncap import measure, tasks
from attncap.construct import theorem
from attncap.models import TokenModel
from attncap.progress import track
from attncap.tasks.prior import sequential_surprisal
from attncap.train import BEST, Architecture
from attncap.train.associations import architecture
from benchmarks.page import Rows, show

DRAWS, LEVELS = 200, np.arange(1, 9)
# The bits of facts are here those of one order of sending them: a mean over many varies less, and takes long.
ORDERS = 1
# A count of draws is expected to pass the limit of its level once in a thousand.
RARE = 0.999
# Sequences of a task whose weights are asked for the answers of others, and the sizes of theirs.
KNOWN, FEW, SOME, MANY = 12, 20, 200, 1000
COLUMNS = ("N", "answers", "S", "draws", "of 1,000 answers", "most bits", "log2 T or more", "worst evidence")


def shapes() -> Iterator[tuple[int, int, int]]:
    """Yield N, S and T where there are so many sequences."""
    for vocabulary in (2, 10, 50):
        for context in range(2, 13):
            sizes = ((FEW, MANY), (SOME, MANY))[context % 2]
            yield from ((vocabulary, context, T) for T in sizes if vocabulary**context >= T)


def stranger(vocabulary: int, context: int, seed: int) -> TokenModel:
    """Return a model that has seen none of the answers: random weights, untrained ones, or those of other answers."""
    dim, heads = (4, 10)[seed % 2], 1 + seed % 4
    if seed % 3 == 0:
        return theorem(
            tasks.random_associations(vocabulary, context, KNOWN, seed=seed + DRAWS), 4, dtype="float64"
        ).model
    shape = Architecture(vocabulary, context, dim, 4, heads)
    model = architecture.model(BEST, shape, architecture.initial(BEST, shape, np.random.default_rng(seed)))
    if seed % 3 == 1:
        return model
    rng = np.random.default_rng(seed)
    return type(model)(**{name: rng.standard_normal(tensor.shape) for name, tensor in model.tensors().items()})


def held(vocabulary: int, context: int, count: int, seed: int) -> Iterator[measure.Memorized]:
    """Yield what a model holds of a task: of uniform answers, and of facts whose answers are permuted."""
    task = tasks.random_associations(vocabulary, context, count, seed=seed)
    model = stranger(vocabulary, context, seed)
    rng = np.random.default_rng(seed)
    skewed = rng.permutation(rng.zipf(1.5, size=count) % vocabulary)
    yield measure.memorized(model, task)
    yield measure.memorized(model, tasks.associations(task.sequences, skewed, vocabulary, kind="facts"))


def exceedances(evidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many draws reach b = 1..8 bits of evidence, and how many would once in a thousand such counts."""
    return (evidence[:, None] >= LEVELS).sum(axis=0), np.asarray(binom.ppf(RARE, len(evidence), 2.0**-LEVELS))


def counted(shape: tuple[int, int, int], draws: int) -> np.ndarray:
    """Return bits and evidence at one shape: (draws, the two kinds of answers, the two numbers)."""
    with patch("attncap.tasks.association.sequential_surprisal", partial(sequential_surprisal, orders=ORDERS)):
        return np.array([[(one.bits, one.evidence) for one in held(*shape, seed)] for seed in range(draws)])


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a vocabulary and kind of answers."""
    found = {shape: counted(shape, DRAWS) for shape in track(list(shapes()), "nothing")}
    rows = []
    for vocabulary in sorted({N for N, _, _ in found}):
        mine = {shape: numbers for shape, numbers in found.items() if shape[0] == vocabulary}
        contexts = [S for _, S, _ in mine]
        for kind, name in enumerate(("uniform", "facts, permuted")):
            many = np.concatenate([numbers[:, kind, 0] for shape, numbers in mine.items() if shape[2] == MANY])
            counts = [exceedances(numbers[:, kind, 1]) for numbers in mine.values()]
            share, level = max((seen[i] / limit[i], i) for seen, limit in counts for i in range(len(LEVELS)))
            sizes = (str(vocabulary), name, f"{min(contexts)} to {max(contexts)}", f"{DRAWS * len(mine):,}")
            bits = (f"{len(many):,}", f"{many.max():.1f}", f"{(many >= np.log2(MANY)).sum()}")
            rows.append((*sizes, *bits, f"{share:.2f} at {LEVELS[level]} bits"))
    return COLUMNS, rows


def main() -> None:
    """Print the table."""
    show(*table())


if __name__ == "__main__":
    main()
