"""Measured points, one an x: repetitions at the same x share what makes that x deviate, so their mean counts once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float

from attncap.constraints import Numbers, reals
from attncap.errors import InputError
from attncap.scaling.laws import Points

Values = Annotated[Sequence[Any] | np.ndarray, Numbers()]
# Cubes and fitted exponents of numbers within these limits stay finite.
LARGEST = 1e50


@dataclass(frozen=True)
class Levels:
    """The means of the values at each x.

    Attributes:
        x: different places, rising.
        y: mean value at each, (n,).
        counts: how many values each mean is of.
        level: of each single value, its row in x, (points,).
        single: the values themselves, (points,).
    """

    x: Points
    y: Points
    counts: Float[np.ndarray, " n"]
    level: np.ndarray
    single: Float[np.ndarray, " points"]

    def __len__(self) -> int:
        return len(self.x)

    @property
    def weights(self) -> Points:
        """Counts, of mean one."""
        return self.counts / self.counts.mean()

    @property
    def repeated(self) -> int:
        """Degrees of freedom of the values around their means."""
        return len(self.single) - len(self.x)


def levels(x: Points, y: Points, relative: bool = False) -> Levels:
    """Average the values at each x: geometric means where errors are relative."""
    places, level, counts = np.unique(x, return_inverse=True, return_counts=True)
    total = np.bincount(level, weights=np.log(y) if relative else y)
    mean = np.exp(total / counts) if relative else total / counts
    return Levels(places, mean, counts.astype(np.float64), level, y)


def finite(x: Values, y: Values, share: bool) -> tuple[Points, Points]:
    """Return finite points in order of x, or say what is wrong with them."""
    x, y = reals(x, "x"), reals(y, "y")
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise InputError(f"fit: expected as many y as x, in one dimension each, got shapes {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or x.min() <= 0:
        raise InputError("fit: expected finite points with positive x")
    if x.max() > LARGEST or x.min() < 1 / LARGEST or np.abs(y).max() > LARGEST:
        raise InputError(
            f"fit: expected x between {1 / LARGEST:g} and {LARGEST:g} and |y| up to {LARGEST:g}, got x from "
            f"{x.min():g} to {x.max():g} and |y| up to {np.abs(y).max():g}; use larger or smaller units"
        )
    if share and (y.min() < 0 or y.max() > 1):
        raise InputError(f"fit: with trials, y are shares in [0, 1]; got {y.min():g} to {y.max():g}")
    order = np.argsort(x, kind="stable")
    return x[order], y[order]
