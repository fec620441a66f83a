"""Whiten features, so that a gradient method sees a well conditioned problem."""

import numpy as np
import scipy.linalg
from jaxtyping import Float

from attncap.numerics.memory import chunks
from attncap.progress import track

# Directions this much weaker than the mean (in variance) are damped, not blown up to rounding noise.
RIDGE = 1e-6


def whiten(features: Float[np.ndarray, "T F"]) -> Float[np.ndarray, "F F"]:
    r"""Whiten features in place: $\Phi = M A$ with $\Phi^\top \Phi = (T/F) I$, rows of norm about one.

    $A = \sqrt{T/F}\, D R^{-1}$, where $D$ normalises the columns of $M$ and $R$ is the Cholesky factor of the Gram
    matrix of $M D$ (a ridge of `RIDGE` keeps it definite). Products run piece by piece in float64.

    Args:
        features: $M$; overwritten by $\Phi$.

    Returns:
        $A$, in float64.

    Example:
        >>> features = np.random.default_rng(0).standard_normal((100, 4)) * [1, 10, 100, 1000]
        >>> _ = whiten(features)
        >>> np.allclose(features.T @ features, 25 * np.eye(4), atol=1e-3)
        True
    """
    rows, columns = features.shape
    pieces = list(chunks(rows, 16 * columns))
    gram = np.zeros((columns, columns))
    for piece in track(pieces, "whiten: Gram matrix"):
        block = features[piece].astype(np.float64)
        gram += block.T @ block
    norms = np.sqrt(np.maximum(gram.diagonal(), np.finfo(float).tiny))
    gram /= norms
    gram /= norms[:, None]
    gram[np.diag_indices(columns)] += RIDGE * max(1.0, columns / rows)
    factor = scipy.linalg.cholesky(gram, overwrite_a=True, check_finite=False)
    whitener = scipy.linalg.solve_triangular(factor, np.eye(columns), overwrite_b=True, check_finite=False)
    whitener *= np.sqrt(rows / columns) / norms[:, None]
    for piece in track(pieces, "whiten: features"):
        features[piece] = features[piece].astype(np.float64) @ whitener
    return whitener
