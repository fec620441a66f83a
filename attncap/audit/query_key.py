r"""How far a head's $W_K^\top W_Q$ is from what the limit of the interpolation error assumes: $c I$ + low rank."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from attncap.result import Result

# The rank beside the identity that distances are given for, and the distance that a rank is given for.
RANK, NEAR = 8, 0.1


@dataclass(frozen=True)
class QueryKey(Result):
    r"""A matrix against $c I$ plus rank r.

    Attributes:
        distance: $\min_{c, L} \|M - c I - L\|_F / \|M\|_F$ over L of rank `RANK`; between 0 and 1.
        rank: the least rank of L at which the distance is at most `NEAR`.
        scale: c of the distance, over the mean singular value of M that is not zero by its rank.
        random: the distance of a Gaussian matrix of the same shape and rank.
        random_rank: its least rank.
    """

    distance: float
    rank: int
    scale: float
    random: float
    random_rank: int


def query_key(
    query: Float[np.ndarray, "d dh"], key: Float[np.ndarray, "d dh"], rank: int = RANK, seed: int = 0
) -> QueryKey:
    r"""Compare $M = W_K^\top W_Q$ of one head with a scaled identity plus low rank, and with a random twin.

    M has rank $d_h$. With $d_h < d$ it vanishes on a subspace on which the identity does not, so that the distance is
    small only if M is itself nearly of low rank: Liao et al. take $d_h \ge d$.

    Args:
        query: $W_Q^\top$.
        key: $W_K^\top$.
        rank: r.
        seed: of the twin.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> spike = rng.standard_normal((2, 32, 1))
        >>> near = query_key(np.eye(32) + 0.1 * spike[0] * spike[1].T, np.eye(32), rank=1)
        >>> round(near.distance, 6), near.rank
        (0.0, 1)

    Source: Liao, Liu, Hou, Zou, Ling 2025, Assumption 1 (arXiv 2506.18656), which they try on GPT-2.
    """
    rng = np.random.default_rng(seed)
    core, dim = _core(query, key), len(query)
    twin = _core(rng.standard_normal(query.shape), rng.standard_normal(key.shape))
    distance, scale = _distance(core, dim, rank)
    typical = np.linalg.svd(core, compute_uv=False)[: min(query.shape)].mean()
    return QueryKey(
        distance=distance,
        rank=_least(core, dim),
        scale=float(scale / typical) if typical > 0 else 0.0,
        random=_distance(twin, dim, rank)[0],
        random_rank=_least(twin, dim),
    )


def _core(query: np.ndarray, key: np.ndarray) -> Float[np.ndarray, "m m"]:
    """Return M on the span of its rows and columns; it is zero on what is orthogonal to them."""
    basis, _ = np.linalg.qr(np.column_stack([key, query]).astype(np.float64))
    return (basis.T @ key) @ (query.T @ basis)


def _distance(core: Float[np.ndarray, "m m"], dim: int, rank: int) -> tuple[float, float]:
    """Return the least distance over c, and c."""
    norm = float(np.linalg.norm(core))
    if norm == 0:
        return 0.0, 0.0
    outside = dim - len(core)
    mean = float(np.trace(core)) / dim

    def squared(scale: float) -> float:
        values = np.linalg.svd(core - scale * np.eye(len(core)), compute_uv=False)
        values = np.sort(np.concatenate([values, np.full(min(outside, dim), abs(scale))]))
        return float((values[: max(dim - rank, 0)] ** 2).sum())

    width = 4 * max(abs(mean), norm / dim)
    found = minimize_scalar(squared, bounds=(mean - width, mean + width), method="bounded", options={"maxiter": 12})
    best = min((float(found.x), mean, 0.0), key=squared)
    return float(np.sqrt(squared(best)) / norm), best


def _least(core: Float[np.ndarray, "m m"], dim: int, near: float = NEAR) -> int:
    """Return the least rank beside the identity at which the distance is small; by bisection, for it only falls."""
    low, high = 0, len(core)
    while low < high:
        middle = (low + high) // 2
        if _distance(core, dim, middle)[0] <= near:
            high = middle
        else:
            low = middle + 1
    return low
