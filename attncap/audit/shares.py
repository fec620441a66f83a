"""Shares of sampled subsets that have full rank, with exact intervals."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import betaincinv

from attncap.numerics.row_rank import Rows
from attncap.result import Result, hidden

LEVEL = 0.95


@dataclass(frozen=True)
class Share(Result):
    """How many of the sampled subsets of vectors have full numerical rank.

    Attributes:
        size: vectors in a subset.
        subsets: how many were drawn.
        full: how many have full rank.
        fraction: their share.
        low: lower end of the exact 95 % interval (Clopper and Pearson) of the share among all subsets.
        high: its upper end.
        decided: how many were decided by each bound, and by `numpy.linalg.matrix_rank` itself.
    """

    size: int
    subsets: int
    full: int
    fraction: float
    low: float
    high: float
    decided: dict[str, int] = hidden(default_factory=dict)

    @classmethod
    def of(cls, size: int, full: Bool[np.ndarray, " subsets"], decided: dict[str, int] | None = None) -> "Share":
        """Count."""
        found, drawn = int(full.sum()), len(full)
        return cls(size, drawn, found, found / drawn, *clopper_pearson(found, drawn), decided or {})


def clopper_pearson(successes: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    r"""Return the exact interval of a proportion.

    $$B\big(\tfrac{\alpha}{2};\, k,\, m - k + 1\big) \le p \le B\big(1 - \tfrac{\alpha}{2};\, k + 1,\, m - k\big)$$

    with $B$ the quantile of the beta distribution and $\alpha = 1 -$ ``level``.

    Args:
        successes: $k$.
        trials: $m$.
        level: how often the interval holds the proportion, at least.

    Returns:
        Its ends.

    Example:
        >>> [round(end, 6) for end in clopper_pearson(5000, 5000)]
        [0.999262, 1.0]
        >>> [round(end, 6) for end in clopper_pearson(4991, 5000)]
        [0.996586, 0.999177]

    Source: Clopper, Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial".
    """
    tail = (1 - level) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return low, high


def draw(count: int, size: int, subsets: int, rng: np.random.Generator) -> Int[np.ndarray, "subsets size"]:
    """Draw subsets of ``range(count)``, each with equal probability."""
    return np.array([rng.choice(count, size, replace=False) for _ in range(subsets)])


def sampled(rows: Rows, size: int, subsets: int, seed: int = 0) -> Share:
    """Draw subsets of vectors and decide for each whether it has full rank.

    Args:
        rows: the vectors.
        size: of a subset.
        subsets: how many.
        seed: of the draws; the same subsets for vectors of any type.

    Example:
        >>> vectors = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
        >>> sampled(Rows(vectors), 8, 100).fraction
        1.0
        >>> sampled(Rows(vectors - vectors[:, :1]), 8, 100).fraction
        0.0
    """
    if size == len(rows.vectors):
        subsets = 1
    ranked = rows.full(draw(len(rows.vectors), size, subsets, np.random.default_rng([seed, size])))
    return Share.of(size, ranked.full, ranked.decided)


def variants(vectors: Float[np.ndarray, "T d"]) -> dict[str, Float[np.ndarray, "T d"]]:
    """Return the vectors as they are, in float64, and both without their mean (subtracted in float64).

    Example:
        >>> list(variants(np.ones((3, 2), np.float32)))
        ['float32', 'float32 centred', 'float64', 'float64 centred']
    """
    exact = vectors.astype(np.float64)
    centred = exact - exact.mean(axis=0)
    return {
        "float32": exact.astype(np.float32),
        "float32 centred": centred.astype(np.float32),
        "float64": exact,
        "float64 centred": centred,
    }
