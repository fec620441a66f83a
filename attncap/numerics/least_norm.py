r"""Least-norm solutions of a wide linear system, factored once: in half the precision, solved in all of it."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import scipy.linalg
from jaxtyping import Float

from attncap.numerics.linear import gram_factor
from attncap.numerics.memory import chunks

# Residuals, relative: where refinement ends, and what counts as solved.
CONVERGED, SOLVED = 1e-10, 1e-9
# A step of refinement that leaves more than this of the residual is the last.
PROGRESS = 0.1
# A pivot below this share of the largest may be one that rounding made of nothing.
PIVOT = 1e-4
# Beyond so many columns to spare for a row, the Gram matrix costs less than the null space.
SPARE = 0.25
# Added to the diagonal of the Gram matrix, relative to its mean, where rows depend on each other.
RIDGE = 1e-10

Step = Callable[[np.ndarray], np.ndarray]


def times(matrix: Float[np.ndarray, "T F"], vectors: Float[np.ndarray, "F k"]) -> Float[np.ndarray, "T k"]:
    """Multiply in float64 a matrix that may be float32, piece by piece.

    Example:
        >>> times(np.ones((1, 2), np.float32), np.array([[1.0], [1e-12]])) == 1 + 1e-12
        array([[ True]])
    """
    product = np.empty((len(matrix), vectors.shape[1]))
    for rows in chunks(len(matrix), 8 * matrix.shape[1], 16 << 20):
        np.matmul(matrix[rows].astype(np.float64, copy=False), vectors, out=product[rows])
    return product


class LeastNorm:
    r"""Solve $M V = B$ for the $V$ of least Frobenius norm, for any number of right sides.

    With $M = [N\ L]$, the last $T$ columns $L$ are factored in float32 ($\tfrac23 T^3$ operations, against $T^2 F$ for
    $M M^\top$ alone, and $L$ is as well conditioned as $M$, not as its square). Solutions $[0; L^{-1} B]$ are refined
    in float64, and freed of what they have in the null space $[I; -L^{-1} N]$. Where $L$ is too badly conditioned for
    that, or far more columns than rows are left, the Cholesky factor of $M M^\top$ decides.

    Args:
        matrix: $M$, with $T \le F$; in float32 or float64.

    Example:
        >>> solve = LeastNorm(np.array([[3.0, 4.0]]))
        >>> solve(np.array([[5.0]])).ravel().round(12)
        array([0.6, 0.8])

    Source: Higham 2002, "Accuracy and Stability of Numerical Algorithms", chapters 12 (refinement with a factor of
    lower precision) and 21 (underdetermined systems).
    """

    def __init__(self, matrix: Float[np.ndarray, "T F"]) -> None:
        self.matrix = matrix
        self._spare = matrix.shape[1] - len(matrix)
        self._by_columns = self._spare <= SPARE * len(matrix)
        self._null: Float[np.ndarray, "F spare"] | None = None

    def __call__(self, targets: Float[np.ndarray, "T k"]) -> Float[np.ndarray, "F k"]:
        """Return $V$; where rows of $M$ depend on each other, nearly so."""
        if self._by_columns and (found := self._freed(targets)) is not None:
            return found
        self._by_columns = False
        return self._refined(self._gram, targets)[0]

    def _freed(self, targets: Float[np.ndarray, "T k"]) -> Float[np.ndarray, "F k"] | None:
        """Return $V$ by the null space, which is found with the first right sides: each pass over $M$ has its price."""
        first = self._null is None
        wanted = np.concatenate([self.matrix[:, : self._spare], targets], axis=1) if first else targets
        pivots = np.abs(np.diag(self._lu[0]))
        if not pivots.min() > PIVOT * pivots.max():
            return None
        found, solved = self._refined(self._last_columns, wanted)
        if not solved:
            return None
        if self._null is None:
            self._null, found = -found[:, : self._spare], found[:, self._spare :]
            self._null[np.diag_indices(self._spare)] += 1.0
        null = self._null
        return found - null @ np.linalg.solve(null.T @ null, null.T @ found)

    def _refined(self, step: Step, targets: Float[np.ndarray, "T k"]) -> tuple[Float[np.ndarray, "F k"], bool]:
        """Return a solution, and whether every column is solved."""
        solution = np.zeros((self.matrix.shape[1], targets.shape[1]))
        residual, left = np.asarray(targets, dtype=np.float64), np.inf
        size = np.maximum(np.linalg.norm(residual, axis=0), np.finfo(float).tiny)
        while True:
            further = solution + step(residual)
            residual = targets - times(self.matrix, further)
            now = float((np.linalg.norm(residual, axis=0) / size).max(initial=0.0))
            if not now < left:
                return solution, left < SOLVED
            if not CONVERGED < now < PROGRESS * left:
                return further, now < SOLVED
            solution, left = further, now

    @cached_property
    def _lu(self) -> tuple[Float[np.ndarray, "T T"], np.ndarray]:
        last = self.matrix[:, self._spare :].astype(np.float32)
        # Its transpose is in LAPACK's order and is overwritten in place.
        factor, pivots, _ = scipy.linalg.lapack.sgetrf(last.T, overwrite_a=True)
        return factor, pivots

    def _last_columns(self, residual: Float[np.ndarray, "T k"]) -> Float[np.ndarray, "F k"]:
        solved = np.zeros((self.matrix.shape[1], residual.shape[1]))
        size = np.maximum(np.abs(residual).max(axis=0), np.finfo(float).tiny)
        right = (residual / size).astype(np.float32)
        solved[self._spare :] = size * scipy.linalg.lu_solve(self._lu, right, trans=1, check_finite=False)
        return solved

    @cached_property
    def _factor(self) -> tuple[Float[np.ndarray, "T T"], bool]:
        return gram_factor(self.matrix.astype(np.float64, copy=False), RIDGE)

    def _gram(self, residual: Float[np.ndarray, "T k"]) -> Float[np.ndarray, "F k"]:
        return self.matrix.T @ scipy.linalg.cho_solve(self._factor, residual, check_finite=False)
