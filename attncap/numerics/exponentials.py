"""Exponentials that no later product is slowed by."""

import numpy as np

# So far below the largest nothing adds to a sum that float64 resolves.
LEAST = -60.0


def raised(below: np.ndarray) -> np.ndarray:
    """Return the exponentials of differences to a largest, in place, none less than $e^{-60}$.

    Smaller ones count for nothing, and where they are subnormal a product takes many times longer.

    Example:
        >>> raised(np.array([0.0, -1.0, -700.0])).round(3)
        array([1.   , 0.368, 0.   ])
    """
    np.maximum(below, LEAST, out=below)
    return np.exp(below, out=below)
