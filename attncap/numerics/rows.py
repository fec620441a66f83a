"""Rows of whole numbers, many and long."""

import numpy as np
from jaxtyping import Int


def all_differ(rows: Int[np.ndarray, "T S"]) -> bool:
    """Whether no row repeats another.

    Rows of different hashes differ, and hashes are sorted faster than rows; only where two are equal the rows decide.

    Example:
        >>> all_differ(np.array([[0, 1], [1, 0]])), all_differ(np.array([[0, 1], [0, 1]]))
        (True, False)
    """
    factors = np.random.default_rng(0).integers(2**63, size=rows.shape[1], dtype=np.uint64) | np.uint64(1)
    hashes = rows.astype(np.uint64) @ factors
    return len(np.unique(hashes)) == len(rows) or len(np.unique(rows, axis=0)) == len(rows)
