r"""What sampling cannot give of a Kruskal rank: bounds that hold for every subset, and a search for dependent ones.

The Kruskal rank of vectors is the largest k such that any k of them are independent. No invertible linear map changes
it, and a projection can only lower it. So all is done on the leading left singular vectors, whitened: there a large
common mean no longer makes all vectors alike.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from attncap.numerics.memory import chunks
from attncap.numerics.row_rank import Rows
from attncap.progress import track
from attncap.result import Result

# Vectors beside the target that the search combines.
DEEPEST = 11
# Whitened vectors of unit length are read as dependent below this residual; NumPy's rank then decides.
RESIDUAL = 1e-3
# What rounding may change of a sum of whitened inner products.
MARGIN = 1e-6


@dataclass(frozen=True)
class Kruskal(Result):
    """Bounds on a Kruskal rank at the numerical rank of the vectors' own type.

    Attributes:
        at_least: any so many vectors are independent: proved by the Babel function of the whitened vectors.
        at_most: a larger subset is dependent; which one is the witness, or any, where the whole set's rank says it.
        rank: numerical rank of all vectors together.
        witness: a dependent subset that was found, in order; empty if none was.
        coherence: largest cosine between two whitened vectors, between 0 and 1.
        why: in words, what bounds the rank from above.
        searched: in words, what the search covered.
    """

    at_least: int
    at_most: int
    rank: int
    witness: tuple[int, ...]
    coherence: float
    why: str
    searched: str


def kruskal(rows: Rows, deepest: int = DEEPEST) -> Kruskal:
    """Bound a Kruskal rank from both sides.

    Args:
        rows: the vectors.
        deepest: vectors beside each target that the search combines.

    Example:
        >>> vectors = np.random.default_rng(0).standard_normal((40, 16))
        >>> vectors[7] = vectors[3] - 2 * vectors[21] + vectors[30]
        >>> found = kruskal(Rows(vectors))
        >>> found.witness, found.at_most, found.rank
        ((3, 7, 21, 30), 3, 16)
    """
    count = len(rows.vectors)
    rank = int(np.linalg.matrix_rank(rows.vectors))
    zero = np.flatnonzero(~rows.vectors.any(axis=1))
    if len(zero):
        return Kruskal(0, 0, rank, (int(zero[0]),), 1.0, "a vector is zero", "every vector")
    if (twins := _equal(rows.vectors)) is not None:
        alike = "all vectors are equal" if rank == 1 and not np.ptp(rows.vectors, axis=0).any() else "two are equal"
        return Kruskal(1, 1, rank, twins, 1.0, alike, "every pair")
    gram = _cosines(rows)
    least, coherence = _babel(gram)
    # More vectors than the rank are always dependent.
    deepest = min(deepest, rank - 1)
    witness = _search(rows, gram, deepest)
    ways = f"{deepest} others chosen greedily for each of the {count:,} vectors, and every pair; a search, no proof"
    most, why = min((rank, f"all {count:,} vectors have rank {rank}"), (count, "there are no more vectors"))
    if witness and len(witness) - 1 < most:
        most, why = len(witness) - 1, f"{len(witness)} vectors are dependent"
    return Kruskal(min(least, most), most, rank, witness, coherence, why, ways)


def _equal(vectors: Float[np.ndarray, "T d"]) -> tuple[int, int] | None:
    """Return the first two vectors that are the same number for number."""
    _, first, inverse = np.unique(vectors + 0.0, axis=0, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[inverse.ravel()] != np.arange(len(vectors)))
    return (int(first[inverse.ravel()[again[0]]]), int(again[0])) if len(again) else None


def _cosines(rows: Rows) -> Float[np.ndarray, "T T"]:
    """Return the cosines between whitened vectors."""
    _, gram = rows.whitened
    norms = np.sqrt(np.maximum(np.diag(gram), np.finfo(np.float64).tiny))
    return gram / np.outer(norms, norms)


def _babel(cosines: Float[np.ndarray, "T T"]) -> tuple[int, float]:
    r"""Return how many vectors are surely independent, and the coherence.

    $$\mu_1(m) = \max_i \max_{|J| = m,\, i \notin J} \sum_{j \in J} |\cos_{ij}| < 1$$

    proves by Gershgorin's circles that any m + 1 unit vectors are independent.

    Source: Tropp 2004, "Greed is good: algorithmic results for sparse approximation".
    """
    count, most = len(cosines), 1
    babel = np.zeros(0)
    for part in chunks(count, 24 * count):
        sizes = np.abs(cosines[part])
        sizes[np.arange(len(sizes)), np.arange(part.start, part.stop)] = 0
        sums = np.cumsum(-np.sort(-sizes, axis=1), axis=1).max(axis=0)
        babel = np.maximum(babel, sums) if len(babel) else sums
    most = 1 + int((babel[: count - 1] < 1 - MARGIN).sum())
    return most, float(min(babel[0], 1.0)) if count > 1 else 0.0


def _search(rows: Rows, cosines: Float[np.ndarray, "T T"], deepest: int) -> tuple[int, ...]:
    """Combine others to each vector, greedily (orthogonal matching pursuit), until a dependent subset is found."""
    count = len(cosines)
    chosen = np.empty((count, 0), dtype=np.int64)
    weights = np.empty((count, 0))
    for _ in track(range(min(deepest, count - 1)), "search"):
        chosen = np.column_stack([chosen, _next(cosines, chosen, weights)])
        inner = cosines[chosen[:, :, None], chosen[:, None, :]]
        right = cosines[chosen, np.arange(count)[:, None]]
        ridge = 1e-12 * np.eye(chosen.shape[1])
        weights = np.linalg.solve(inner + ridge, right[:, :, None])[:, :, 0]
        left = 1 - (weights * right).sum(axis=1)
        for target in np.argsort(left)[:8]:
            if left[target] < RESIDUAL**2:
                found = _pruned(rows, [int(target), *chosen[target].tolist()])
                if found:
                    return found
    return ()


def _next(
    cosines: Float[np.ndarray, "T T"], chosen: Int[np.ndarray, "T m"], weights: Float[np.ndarray, "T m"]
) -> Int[np.ndarray, " T"]:
    """Return for each target the vector that its residual is most parallel to."""
    count = len(cosines)
    best = np.empty(count, dtype=np.int64)
    for part in chunks(count, 16 * count):
        residual = cosines[part].copy()
        for others, weight in zip(chosen[part].T, weights[part].T, strict=True):
            residual -= weight[:, None] * cosines[others]
        places = np.arange(len(residual))
        residual[places, np.arange(part.start, part.stop)] = 0
        residual[places[:, None], chosen[part]] = 0
        best[part] = np.abs(residual).argmax(axis=1)
    return best


def _pruned(rows: Rows, subset: list[int]) -> tuple[int, ...]:
    """Drop the vectors that a dependent subset does not need; nothing if it is independent."""
    if rows.rank(np.array(subset)) == len(subset):
        return ()
    for member in list(subset):
        rest = [other for other in subset if other != member]
        if len(rest) > 1 and rows.rank(np.array(rest)) < len(rest):
            subset = rest
    return tuple(sorted(subset))
