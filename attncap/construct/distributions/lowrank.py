r"""Descent over low-rank logits $L = E W^\top$ towards given distributions.

The objective is the weighted cross-entropy $\sum_t w_t (\log \sum_v e^{L_{tv}} - \pi_t \cdot L_t)$, which is the
divergence plus a constant. It is convex in $E$ and in $W$, not in both; $(W, E)$ and $(W A^{-1}, E A^\top)$ are the
same logits, a freedom that the descent uses to precondition itself.
"""

import numpy as np
import scipy.linalg
from jaxtyping import Float
from scipy.optimize import OptimizeResult, minimize

from attncap.numerics.exponentials import raised
from attncap.numerics.memory import chunks
from attncap.progress import bar

LOG_FLOOR = 1e-4
Pair = tuple[np.ndarray, np.ndarray]


def svd_start(pi: Float[np.ndarray, "T N"], weight: Float[np.ndarray, " T"], dim: int) -> Pair:
    r"""Truncate the singular value decomposition of the row-centred $\log((1-10^{-4})\pi + 10^{-4}/N)$.

    Returns:
        $W$ (N, d), orthonormal columns (at most T of them), and $E$ (T, d).
    """
    logits = np.log((1 - LOG_FLOOR) * pi + LOG_FLOOR / pi.shape[1])
    logits -= logits.mean(axis=1, keepdims=True)
    count, size = logits.shape
    if count < size:
        w = scipy.linalg.svd(np.sqrt(weight)[:, None] * logits, full_matrices=False)[2][:dim].T
    else:
        gram = (logits * weight[:, None]).T @ logits
        w = scipy.linalg.eigh(gram, subset_by_index=(max(0, size - dim), size - 1))[1]
    return w, logits @ w


def newton(w: Float[np.ndarray, "N d"], e: Float[np.ndarray, "T d"], pi: Float[np.ndarray, "T N"], steps: int) -> Pair:
    r"""Take damped Newton steps in $E$, all rows at once: convex problems of $d$ unknowns each.

    Returns:
        $E$ (T, d), no row worse than before, and the softmax of its logits (T, N).
    """
    moved, softmax = np.empty_like(e), np.empty_like(pi)
    size, dim = w.shape
    for rows in chunks(len(e), 8 * (4 * dim * dim + 4 * size)):
        moved[rows], softmax[rows] = _newton(w, e[rows], pi[rows], steps)
    return moved, softmax


def _newton(w: np.ndarray, e: np.ndarray, pi: np.ndarray, steps: int) -> Pair:
    dim = w.shape[1]
    upper = np.triu_indices(dim)
    place = np.empty((dim, dim), dtype=np.intp)
    place[upper] = place.T[upper] = np.arange(len(upper[0]))
    products, target, diagonal = w[:, upper[0]] * w[:, upper[1]], pi @ w, np.arange(dim)
    losses, softmax = _evaluate(w, e, target)
    for _ in range(steps):
        mean = softmax @ w
        hessian = (softmax @ products)[:, place] - mean[:, :, None] * mean[:, None, :]
        trace = hessian[:, diagonal, diagonal].sum(axis=1)
        hessian[:, diagonal, diagonal] += (1e-10 * trace + 1e-14)[:, None]
        gradient = mean - target
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        decrement = np.maximum(np.einsum("td,td->t", step, gradient), 0.0)
        damping = np.where(decrement > 0.25, 1 / (1 + np.sqrt(decrement)), 1.0)
        moved = e - damping[:, None] * step
        new_losses, new_softmax = _evaluate(w, moved, target)
        better = new_losses <= losses + 1e-15 * abs(losses)
        e, losses = np.where(better[:, None], moved, e), np.where(better, new_losses, losses)
        softmax = new_softmax if better.all() else np.where(better[:, None], new_softmax, softmax)
    return e, softmax


def _evaluate(w: np.ndarray, e: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss of every row and the softmax of its logits; ``target`` is pi W."""
    softmax = e @ w.T
    largest = softmax.max(axis=1, keepdims=True)
    softmax -= largest
    raised(softmax)
    total = softmax.sum(axis=1, keepdims=True)
    softmax /= total
    return (np.log(total) + largest)[:, 0] - np.einsum("td,td->t", e, target), softmax


def joint(start: Pair, pi: Float[np.ndarray, "T N"], weight: Float[np.ndarray, " T"], iterations: int) -> Pair:
    r"""Descend over $W$ and $E$ together by L-BFGS, in the type of ``pi``.

    The variables are scaled to curvatures near one: with the marginal $\bar\pi$, the gauge makes
    $W^\top (\operatorname{diag} \bar\pi - \bar\pi \bar\pi^\top) W = I$ and $E^\top \operatorname{diag}(w) E$ diagonal,
    say $\operatorname{diag}(s^2)$; $E_t$ is then measured in $1/\sqrt{w_t}$ and $W_{vi}$ in $1/(s_i \sqrt{\bar\pi_v})$.

    Returns:
        $W$ and $E$ in float64.
    """
    dtype, (count, size), dim = pi.dtype, pi.shape, start[0].shape[1]
    w, e, scale_w = _balanced(*start, weight, weight @ pi.astype(np.float64, copy=False))
    scale_e = 1 / np.sqrt(weight)[:, None]
    each = weight[:, None].astype(dtype)

    def split(x: np.ndarray) -> Pair:
        return x[: size * dim].reshape(size, dim) * scale_w, x[size * dim :].reshape(count, dim) * scale_e

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        w, e = (part.astype(dtype, copy=False) for part in split(x))
        residual = e @ w.T
        residual -= residual.max(axis=1, keepdims=True)
        linear = np.einsum("tv,tv->t", residual, pi)
        raised(residual)
        total = residual.sum(axis=1, keepdims=True)
        loss = float(weight @ (np.log(total[:, 0], dtype=np.float64) - linear))
        residual /= total
        residual -= pi
        residual *= each
        gradient = np.concatenate([((residual.T @ e) * scale_w).ravel(), ((residual @ w) * scale_e).ravel()])
        return loss, gradient.astype(np.float64, copy=False)

    accuracy = 1e-10 if dtype == np.float64 else 1e-5
    x = np.concatenate([(w / scale_w).ravel(), (e / scale_e).ravel()])
    return split(_lbfgs(objective, x, iterations, accuracy).x)


def vary(start: Pair, pi: Float[np.ndarray, "T N"], weight: Float[np.ndarray, " T"], iterations: int) -> Pair:
    r"""Descend over $W$ alone by L-BFGS, scaled as in `joint`, $E$ following as its minimizer (variable projection).

    Two Newton steps an evaluation keep $E$ optimal, from where the best $W$ so far left it: a trial step too far would
    lead it astray. The gradient in $W$ is then $\sum_t w_t (p_t - \pi_t) E_t^\top$.

    Returns:
        $W$ and $E$, no worse than before.
    """
    w, e, scale = _balanced(*start, weight, weight @ pi)
    best = np.inf, w, e

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal best
        w = x.reshape(scale.shape) * scale
        e, softmax = newton(w, best[2], pi, steps=2)
        loss = float(weight @ _evaluate(w, e, pi @ w)[0])
        if loss < best[0]:
            best = loss, w, e
        return loss, ((((softmax - pi) * weight[:, None]).T @ e) * scale).ravel()

    _lbfgs(objective, (w / scale).ravel(), iterations, accuracy=1e-11)
    return best[1], newton(best[1], best[2], pi, steps=3)[0]


def _balanced(w: np.ndarray, e: np.ndarray, weight: np.ndarray, marginal: np.ndarray) -> tuple[np.ndarray, ...]:
    """Change the gauge so that the Hessians of `joint` are near diagonal; say also what W is measured in."""
    mean = marginal @ w
    values, vectors = np.linalg.eigh((w.T * marginal) @ w - np.outer(mean, mean))
    root = _roots(values)
    w, e = w @ (vectors / root), e @ (vectors * root)
    values, vectors = np.linalg.eigh((e.T * weight) @ e)
    # A token that never occurs is measured like the rarest that does.
    common = np.where(marginal > 0, marginal, marginal[marginal > 0].min())
    return w @ vectors, e @ vectors, 1 / (np.sqrt(common)[:, None] * _roots(values))


def _roots(values: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
    """Return the square roots of rising eigenvalues, none below 1e-5 of the largest; ones where all vanish."""
    return np.sqrt(np.maximum(values, 1e-10 * values[-1])) if values[-1] > 0 else np.ones_like(values)


def _lbfgs(objective, x: np.ndarray, iterations: int, accuracy: float) -> OptimizeResult:  # type: ignore[no-untyped-def]
    with bar("encode", iterations) as advance:
        return minimize(
            objective,
            x,
            jac=True,
            method="L-BFGS-B",
            callback=lambda _: advance(1),
            options={"maxiter": iterations, "maxfun": 4 * iterations, "maxcor": 20, "ftol": accuracy, "gtol": 1e-9},
        )
