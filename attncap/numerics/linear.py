"""Minimum-norm solutions of wide, badly conditioned linear systems in float64."""

import warnings

import numpy as np
import scipy.linalg
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from attncap.numerics.budget import MULTIPLICATION, expect

CONVERGED, ENOUGH = 1e-12, 1e-9
BLOCK = 2048
# OpenBLAS's threaded syrk, which its Cholesky factorization calls, crashes on larger matrices (numpy issue 19685).
THREADED_ROWS = 12_000


def minimum_norm(features: Float[np.ndarray, "T F"], targets: Float[np.ndarray, "T d"]) -> Float[np.ndarray, "F d"]:
    r"""Solve $M W = E$ for the $W$ of least Frobenius norm.

    Square systems take an LU factorization, wide ones the Cholesky factor of $M M^\top$ (its squared condition is
    mended by refinement); where that leaves a residual, a complete orthogonal factorization decides.

    Args:
        features: $M$, with $T \le F$ for an exact solution.
        targets: $E$.

    Returns:
        $W$; where $M$ has no full row rank, the least-squares solution of least norm.

    Example:
        >>> minimum_norm(np.array([[3.0, 4.0]]), np.array([[5.0]])).ravel()
        array([0.6, 0.8])
    """
    rows, columns = features.shape
    if rows <= columns:
        solution = _refined(features, targets)
        if solution is not None:
            return solution
    # gelsy, unlike the SVD driver, stays affordable at a few thousand rows.
    return scipy.linalg.lstsq(features, targets, cond=1e-14, lapack_driver="gelsy", check_finite=False)[0]


def expect_solve(rows: int, columns: int) -> None:
    """Say how long `minimum_norm` will take, if it is long; refuse one of years."""
    expect(MULTIPLICATION * rows**2 * (columns + rows / 3), f"solving {rows:,} x {columns:,}")


def _refined(features: Float[np.ndarray, "T F"], targets: Float[np.ndarray, "T d"]) -> Float[np.ndarray, "F d"] | None:
    square = features.shape[0] == features.shape[1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", scipy.linalg.LinAlgWarning)
            if square:
                lu = scipy.linalg.lu_factor(features, check_finite=False)
            else:
                gram = _cholesky(features)
    except (scipy.linalg.LinAlgError, scipy.linalg.LinAlgWarning):
        return None
    solution = np.zeros((features.shape[1], targets.shape[1]))
    residual, size = targets, np.linalg.norm(targets)
    for _ in range(4):
        if square:
            solution += scipy.linalg.lu_solve(lu, residual, check_finite=False)
        else:
            solution += features.T @ scipy.linalg.cho_solve(gram, residual, check_finite=False)
        residual = targets - features @ solution
        if not np.linalg.norm(residual) > CONVERGED * size:
            break
    return solution if np.linalg.norm(residual) < ENOUGH * size else None


def gram_factor(features: Float[np.ndarray, "T F"], ridge: float) -> tuple[Float[np.ndarray, "T T"], bool]:
    r"""Factor $M M^\top$ for `scipy.linalg.cho_solve`.

    Args:
        features: $M$.
        ridge: added to the diagonal, relative to its mean, where the rows depend on each other; else nothing is.

    Example:
        >>> factor = gram_factor(np.array([[3.0, 4.0], [3.0, 4.0]]), ridge=1e-10)
        >>> scipy.linalg.cho_solve(factor, np.ones(2)).round(3)
        array([0.02, 0.02])
    """
    try:
        return _cholesky(features)
    except scipy.linalg.LinAlgError:
        rows = len(features)
        mean = np.einsum("tf,tf->", features, features) / rows
        gram = features @ features.T
        gram[np.diag_indices(rows)] += ridge * mean
        return scipy.linalg.cho_factor(gram, overwrite_a=True, check_finite=False)


def _cholesky(features: Float[np.ndarray, "T F"]) -> tuple[Float[np.ndarray, "T T"], bool]:
    """Factor the Gram matrix of the rows, of which only the lower triangle is computed."""
    rows = len(features)
    gram = np.empty((rows, rows))
    for start in range(0, rows, BLOCK):
        stop = min(start + BLOCK, rows)
        gram[start:stop, :stop] = features[start:stop] @ features[:stop].T
    with threadpool_limits(1 if rows > THREADED_ROWS else None):
        # Transposed, the lower triangle is an upper one in the order that LAPACK overwrites in place.
        return scipy.linalg.cho_factor(gram.T, overwrite_a=True, check_finite=False)
