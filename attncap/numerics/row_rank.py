r"""Which subsets of rows have full numerical rank: the decisions of `numpy.linalg.matrix_rank`, many times faster.

NumPy calls n rows of d numbers of full rank if $\sigma_n > \max(n, d)\, \epsilon\, \sigma_1$, with the singular values
computed in the rows' own type. LAPACK's are within a few $\epsilon \sigma_1$ of the exact ones, so that whoever knows
$\sigma_n / \sigma_1$ to be farther than `ALLOWANCE` $\epsilon$ from the tolerance knows NumPy's decision. Bounds that
many subsets share prove that for most; NumPy itself decides the rest.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg.lapack import dpotrf
from threadpoolctl import threadpool_limits

from attncap.numerics.memory import cores, require
from attncap.progress import bar

# LAPACK's error in epsilon sigma_1; the largest measured, over sizes up to 512 x 1024, is below 1.
ALLOWANCE = 16
EPSILON = float(np.finfo(np.float64).eps)
# Subsets handed to a thread at once.
PIECE = 64


@dataclass(frozen=True)
class Ranked:
    """Which subsets have full rank, and how many decisions each way of deciding took."""

    full: Bool[np.ndarray, " subsets"]
    decided: dict[str, int]


class Rows:
    """Vectors, and what all of their subsets share.

    Args:
        vectors: float32 or float64, one a row; another type is read as float32 if it has fewer bits, else as float64.
    """

    def __init__(self, vectors: Float[np.ndarray, "T d"]) -> None:
        self.vectors = vectors if vectors.dtype in (np.float32, np.float64) else vectors.astype(_wider(vectors.dtype))
        self.epsilon = float(np.finfo(self.vectors.dtype).eps)
        count, self.dim = vectors.shape
        require(8.0 * (3 * count * self.dim + 2 * count**2), f"the Gram matrix of {count:,} vectors", "audit fewer")

    @cached_property
    def factors(self) -> tuple[Float[np.ndarray, "T r"], Float[np.ndarray, " r"]]:
        """Left singular vectors and singular values of all rows, in float64."""
        left, values, _ = np.linalg.svd(self.vectors.astype(np.float64), full_matrices=False)
        return left, values

    @cached_property
    def gram(self) -> Float[np.ndarray, "T T"]:
        """The inner products of all rows, in float64."""
        exact = self.vectors.astype(np.float64)
        return exact @ exact.T

    @cached_property
    def whitened(self) -> tuple[float, Float[np.ndarray, "T T"]]:
        """A singular value s_k far above the tolerance, and the Gram matrix of the k leading left singular vectors."""
        left, values = self.factors
        kept = max(1, int((values >= 30 * self.dim * self.epsilon * values[0]).sum()))
        return float(values[kept - 1]), left[:, :kept] @ left[:, :kept].T

    def full(self, subsets: Int[np.ndarray, "subsets n"], workers: int | None = None) -> Ranked:
        """Decide for each subset of rows as `numpy.linalg.matrix_rank` does at its default tolerance.

        Args:
            subsets: indices of rows, the same number for each.
            workers: threads; as many as there are cores by default.

        Example:
            >>> rows = Rows(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]))
            >>> rows.full(np.array([[0, 1], [1, 2]])).full
            array([ True,  True])
            >>> rows.full(np.array([[0, 1, 2]])).full
            array([False])
        """
        size = subsets.shape[1]
        if size > self.dim:
            return Ranked(np.zeros(len(subsets), dtype=bool), {"more than d": len(subsets)})
        decide = Decision(self, size)
        if len(subsets) == 1:  # no threads for one
            full, way = decide(subsets[0])
            return Ranked(np.array([full]), {way: 1})
        pieces = [subsets[at : at + PIECE] for at in range(0, len(subsets), PIECE)]
        with (
            threadpool_limits(1),
            ThreadPoolExecutor(workers or cores()) as pool,
            bar("ranks", len(subsets)) as advance,
        ):
            found = []
            for piece in pool.map(lambda piece: [decide(rows) for rows in piece], pieces):
                found += piece
                advance(len(piece))
        counted = Counter(way for _, way in found)
        return Ranked(np.array([full for full, _ in found], dtype=bool), dict(counted))

    def rank(self, subset: Int[np.ndarray, " n"]) -> int:
        """Return NumPy's rank of one subset."""
        return int(np.linalg.matrix_rank(self.vectors[subset]))


@dataclass(frozen=True)
class Decision:
    """How subsets of one size are decided."""

    rows: Rows
    size: int

    @cached_property
    def ratios(self) -> tuple[float, float]:
        """What sigma_n / sigma_1 is certainly refused below, and certainly accepted above."""
        tolerance = max(self.size, self.rows.dim)
        return (tolerance - ALLOWANCE) * self.rows.epsilon, (tolerance + ALLOWANCE) * self.rows.epsilon

    @property
    def blind(self) -> bool:
        """Whether the tolerance lies below what a Gram matrix in float64 can show."""
        return self.ratios[0] ** 2 < 8 * (self.size + self.rows.dim) * EPSILON

    def __call__(self, subset: Int[np.ndarray, " n"]) -> tuple[bool, str]:
        """Return whether the subset has full rank, and what decided it."""
        gram = _principal(self.rows.gram, subset)
        # What rounding changes an eigenvalue by: of the Gram matrix, and of its Cholesky factor (Higham, Theorem 10.3).
        slack = 4 * (self.size + self.rows.dim) * EPSILON * float(np.einsum("ii", gram))
        largest = float(np.abs(gram).sum(axis=1).max()) + slack
        if _definite(gram, self.ratios[1] ** 2 * largest + slack):
            return True, "Cholesky"
        for full, way in self.proofs(subset, gram, slack, largest):
            if full is not None:
                return full, way
        return self.rows.rank(subset) == self.size, "matrix_rank"

    def proofs(
        self, subset: Int[np.ndarray, " n"], gram: Float[np.ndarray, "n n"], slack: float, largest: float
    ) -> Iterator[tuple[bool | None, str]]:
        """Try what else proves a decision, cheap first; None where it proves none."""
        low, high = self.ratios
        left, values = self.rows.factors
        guess = left[subset, 0]
        rayleigh = max(gram.sum() / self.size, guess @ gram @ guess / max(guess @ guess, 1e-300)) - slack
        error = 4 * self.rows.dim * EPSILON * values[0]
        if low > 0 and rayleigh > 0:
            # No subset's singular values exceed those of all rows.
            yield (False if values[self.size - 1] + error < low * np.sqrt(rayleigh) else None), "all rows"
        if self.blind:
            # sigma_n of the rows is at least s_k times that of their whitened part.
            scale, whitened = self.rows.whitened
            if scale == 0:
                return
            needed = ((high * np.sqrt(largest) + error) / scale) ** 2 + 8 * (self.size + self.rows.dim) * EPSILON
            yield (True if _definite(_principal(whitened, subset), needed) else None), "whitened"
        elif rayleigh > 0:
            shift = low**2 * rayleigh - slack
            yield (False if shift > 0 and not _definite(gram, shift) else None), "Cholesky"
            eigenvalues = np.linalg.eigvalsh(gram)
            sure = eigenvalues[0] - slack > high**2 * (eigenvalues[-1] + slack)
            yield (True if sure else None), "eigenvalues"
            yield (False if eigenvalues[0] + slack < low**2 * (eigenvalues[-1] - slack) else None), "eigenvalues"


def _principal(gram: Float[np.ndarray, "T T"], subset: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
    """Return the rows and columns of a subset, in the order of the memory."""
    ordered = np.sort(subset)
    return gram.ravel().take(ordered[:, None] * len(gram) + ordered)


def _definite(gram: Float[np.ndarray, "n n"], shift: float) -> bool:
    """Tell whether a symmetric matrix less a multiple of the identity has a Cholesky factor."""
    shifted = gram.copy()
    shifted.flat[:: len(shifted) + 1] -= shift
    return dpotrf(shifted.T, lower=1, clean=0, overwrite_a=1)[1] == 0


def _wider(dtype: np.dtype) -> type:
    return np.float32 if dtype.itemsize < 4 else np.float64
