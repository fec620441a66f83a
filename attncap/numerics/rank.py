"""The one rule of numerical rank."""

import numpy as np
import scipy.linalg
from jaxtyping import Float

RANK = 1e-11


def rank(matrix: Float[np.ndarray, "T F"]) -> int:
    """Return the numerical rank: singular values above `RANK` of the largest, columns of unit norm.

    Example:
        >>> rank(np.outer([1.0, 2.0, 3.0], [1.0, 1e6]))
        1
        >>> rank(np.zeros((3, 2)))
        0
    """
    norms = np.linalg.norm(matrix, axis=0)
    if not norms.any():
        return 0
    values = scipy.linalg.svdvals(matrix[:, norms > 0] / norms[norms > 0], check_finite=False)
    return int((values > RANK * values[0]).sum())
