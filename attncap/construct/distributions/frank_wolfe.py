"""A conditional lower bound on what the best low-rank encoder reaches, its tangent point found by Frank-Wolfe steps."""

import numpy as np
import scipy.linalg
from jaxtyping import Float
from scipy.special import softmax

from attncap import measure
from attncap.constraints import Count, Natural, checked
from attncap.progress import track

WORK = 1e11
STEPS = 30


@checked
def lower_bound(
    pi: Float[np.ndarray, "T N"],
    weight: Float[np.ndarray, " T"],
    logits: Float[np.ndarray, "T N"],
    dim: Count,
    rho: float | None = None,
    iterations: Natural | None = None,
) -> tuple[float, float]:
    r"""Bound the divergence of every rank-$d$ encoder of bounded size from below.

    The divergence is convex in the logits $L$, so its tangent at any $L_0$, with gradient $G$, lies below it, and for
    rank at most $d$ and norm at most $\rho$

    $$D(L) \ge D(L_0) - \langle G, L_0 \rangle - \rho \Big(\sum_{i \le d} \sigma_i(G)^2\Big)^{1/2} .$$

    Frank-Wolfe steps, whose direction is that minimizer of the tangent, look for the $L_0$ that makes the right side
    largest. The norm is $|L|^2 = T \sum_t w_t |L_t|^2$ of row-centred logits: Frobenius's for uniform weights.

    Args:
        pi: the distributions.
        weight: of the rows, sums to one.
        logits: where to start: those of the best encoder found.
        dim: $d$.
        rho: $\rho$; the norm of ``logits`` by default.
        iterations: Frank-Wolfe steps; by default as many as a few seconds allow, at most 30.

    Returns:
        The bound in nats, at least 0, and $\rho$.

    Example:
        >>> pi = np.random.default_rng(0).dirichlet(np.ones(5), size=40)
        >>> bound, rho = lower_bound(pi, np.full(40, 1 / 40), np.zeros((40, 5)), dim=1, rho=10.0)
        >>> 0 <= bound < 0.4
        True
    """
    count, size = pi.shape
    root = np.sqrt(count * weight)[:, None]
    point = (logits - logits.mean(axis=1, keepdims=True)) * root
    rho = float(np.linalg.norm(point)) if rho is None else rho
    side = min(size, count)
    rank = min(dim, side)
    if iterations is None:
        iterations = int(np.clip(WORK / (6.0 * count * size * side), 1, STEPS))
    best = 0.0
    for _ in track(range(iterations), "lower bound"):
        logits = point / root
        divergence = float(weight @ measure.divergences(pi, logits))
        gradient = (softmax(logits, axis=1) - pi) * (weight[:, None] / root)
        gram = gradient @ gradient.T if count < size else gradient.T @ gradient
        values, vectors = scipy.linalg.eigh(gram, subset_by_index=(side - rank, side - 1))
        # The squared singular values are exact to rounding; the few ulps that eigh may lose are added back.
        steepest = np.sqrt(max(values.sum(), 0.0) + 1e-14 * max(values[-1], 0.0) * side)
        best = max(best, divergence - float(np.vdot(gradient, point)) - rho * float(steepest))
        if steepest == 0:
            break
        direction = vectors @ (vectors.T @ gradient) if count < size else (gradient @ vectors) @ vectors.T
        direction *= -rho / np.linalg.norm(direction)
        point += _line_search(point, direction - point, pi, weight, root) * (direction - point)
    return best, rho


def _line_search(point: np.ndarray, move: np.ndarray, pi: np.ndarray, weight: np.ndarray, root: np.ndarray) -> float:
    """Bisect the slope of a convex function on [0, 1]."""
    step = move / root
    start, target = point / root, float(weight @ np.einsum("tv,tv->t", pi, step))

    def slope(at: float) -> float:
        return float(weight @ np.einsum("tv,tv->t", softmax(start + at * step, axis=1), step)) - target

    low, high = 0.0, 1.0
    if slope(high) <= 0:
        return high
    for _ in range(8):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return low or high
