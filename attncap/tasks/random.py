"""The theory's own task: distinct uniform sequences with uniform answers."""

import numpy as np
from jaxtyping import Int

from attncap.constraints import Count, Seed, checked
from attncap.errors import InputError
from attncap.numerics.memory import require
from attncap.numerics.rows import all_differ
from attncap.result import several
from attncap.tasks.association import Associations, associations

# Bytes that the word of a token takes, with its places in tuples, sets and dictionaries.
PER_TOKEN = 250.0
LONGEST = 1 << 16
# No T is near 2 to this, of which the power N^S need not be taken.
LARGEST_POWER = 100


@checked
def random_associations(vocabulary: Count, context: Count, count: Count, seed: Seed = 0) -> Associations:
    r"""Draw $T$ distinct sequences of $S$ tokens out of $N$ uniformly, and a uniform answer for each.

    Args:
        vocabulary: N.
        context: S.
        count: T, at most $N^S$ (which takes every sequence).
        seed: of the draw.

    Returns:
        The task; each answer holds $\log_2 N$ bits.

    Raises:
        InputError: a number below one, S over 65,536, or more sequences than there are.

    Example:
        >>> task = random_associations(vocabulary=64, context=2, count=1000, seed=0)
        >>> task.associations, task.bits
        (1000, 6000.0)

    Source: Dana, Pydi, Chevaleyre 2025 (arXiv 2411.10115), section 5.
    """
    name = f"random:{vocabulary},{context},{count}"
    if min(vocabulary, context, count) < 1:
        raise InputError(f"{name}: N, S and T must be at least 1")
    if context > LONGEST:
        raise InputError(f"{name}: expected S of at most {LONGEST:,}, got {context:,}")
    _require(name, vocabulary, context, count)
    if context * np.log2(vocabulary) < LARGEST_POWER and count > vocabulary**context:
        raise InputError(f"{name}: there are {several(vocabulary**context, 'sequence')}; expected T of at most N^S")
    rng = np.random.default_rng(seed)
    sequences = _distinct(rng, vocabulary, context, count)
    return associations(sequences, rng.integers(vocabulary, size=count), vocabulary, name=name)


def _require(name: str, vocabulary: int, context: int, count: int) -> None:
    """Refuse at once what would not fit: the words of N tokens, and the sequences with their sorted copies."""
    require(PER_TOKEN * vocabulary + 8.0 * 5 * count * context, name, "choose a smaller N, S or T")


def _distinct(rng: np.random.Generator, vocabulary: int, context: int, count: int) -> Int[np.ndarray, "T S"]:
    if context * np.log2(vocabulary) < LARGEST_POWER and 4 * count > vocabulary**context:
        chosen = rng.permutation(vocabulary**context)[:count]
        return np.stack(np.unravel_index(chosen, (vocabulary,) * context), axis=1)
    drawn = np.empty((0, context), dtype=np.int64)
    while len(drawn) < count:
        drawn = np.concatenate([drawn, rng.integers(vocabulary, size=(count, context))])
        drawn = drawn if all_differ(drawn) else drawn[np.sort(np.unique(drawn, axis=0, return_index=True)[1])]
    return drawn[:count]
