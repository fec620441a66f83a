"""Which examples each step trains on."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from jaxtyping import Int

from attncap.train.loop.recipes import Recipe


def batches(recipe: Recipe, examples: int, seed: int) -> Iterator[Int[np.ndarray, "steps batch"]]:
    """Yield the examples of each segment's steps: one sample with replacement, reshuffled every epoch.

    Without batches, where every step trains on everything, the rows are empty.

    Args:
        recipe: batches, and their size.
        examples: how many there are.
        seed: of the sample and of its order.
    """
    if recipe.batch is None:
        while True:
            yield np.zeros((recipe.segment, 0), np.int32)
    rng = np.random.default_rng([seed, 1])
    sample = rng.integers(examples, size=recipe.batches * recipe.batch).astype(np.int32)

    def rows() -> Iterator[Int[np.ndarray, " batch"]]:
        while True:
            yield from rng.permutation(sample).reshape(recipe.batches, -1)

    endless = rows()
    while True:
        yield np.stack(list(islice(endless, recipe.segment)))
