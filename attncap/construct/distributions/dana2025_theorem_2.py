"""Theorem 2 of Dana, Pydi and Chevaleyre: distributions near a look-up table."""

import numpy as np
from jaxtyping import Float
from scipy.special import entr

from attncap.constraints import Count, checked
from attncap.tasks import Distributions


@checked
def lookup_bound(task: Distributions, embedding_dim: Count, *, published: bool = False) -> float | None:
    r"""Bound the best rank-$d$ encoder from above for distributions near a look-up table.

    With $g(t)$ the most likely token and $C = \sqrt{32 \log(N+1)/d} < 1/2$,

    $$D \le \frac{1 + 2C}{1 - 2C} \sum_t w_t (1 - \pi_t(g(t))) \log\frac{N-1}{e^{H(\pi_t)}-1} .$$

    Proof: random projections give each token a unit vector of $\mathbb R^d$ such that the logits $\lambda u_v \cdot
    u_{g(t)}$ of the other tokens lie below that of $g(t)$ by $\lambda (1 - 2C)$ to $\lambda (1 + 2C)$. Then
    $\mathrm{KL} \le -H(\pi_t) + (1 - \pi_t(g(t))) \lambda (1 + 2C) + \log(1 + (N-1) e^{-\lambda (1 - 2C)})$, and
    $\lambda (1 - 2C) = \log\frac{N-1}{e^{H(\pi_t)} - 1}$ makes the last term $H(\pi_t)$.

    The published form has $1 + 2C + C\, d_{TV}(\tilde\pi_t, \text{uniform})$ inside the sum in place of $1 + 2C$, with
    $\tilde\pi_t$ the others' distribution and $d_{TV}$ the sum of absolute differences; the term is superfluous. Its
    simplification to the average entropy does not follow: $h \mapsto \log\frac{N-1}{e^h-1}$ is convex, so that
    Jensen's inequality goes the other way.

    Args:
        task: the distributions; $H$ is their entropy in nats.
        embedding_dim: $d$.
        published: return the paper's form, which is never smaller.

    Returns:
        The bound in nats; None unless $C < 1/2$, that is $d > 128 \log(N+1)$.

    Example:
        >>> from attncap.tasks import distributions
        >>> near = distributions(0.9 * np.eye(6) + 0.1 * np.roll(np.eye(6), 1, axis=1))
        >>> round(lookup_bound(near, 1000), 3), round(lookup_bound(near, 1000, published=True), 3)
        (0.767, 0.969)
        >>> lookup_bound(near, 249) is None
        True

    Source: Dana, Pydi, Chevaleyre 2025, Theorem 2 (arXiv 2411.10115); the form without the distance is this project's.
    """
    size = task.vocabulary_size
    constant = float(np.sqrt(32 * np.log(size + 1) / embedding_dim))
    if constant >= 0.5:
        return None
    # A deterministic row contributes nothing: (1 - pi) log(1 / H) vanishes with the entropy.
    left = 1 - task.pi.max(axis=1)
    spread = np.maximum(np.expm1(entr(task.pi).sum(axis=1)), np.finfo(float).tiny)
    each = left * np.log((size - 1) / spread) * (1 + 2 * constant + (constant * _distance(task) if published else 0.0))
    return float(task.weight @ each) / (1 - 2 * constant)


def _distance(task: Distributions) -> Float[np.ndarray, " T"]:
    r"""Return $|\tilde\pi_t - \text{uniform}|_1$ of the tokens that are not the most likely."""
    rows, likely, size = np.arange(task.count), task.pi.argmax(axis=1), task.vocabulary_size
    others = task.pi.copy()
    others[rows, likely] = 0.0
    others /= np.maximum(others.sum(axis=1), np.finfo(float).tiny)[:, None]
    return abs(others - 1 / (size - 1)).sum(axis=1) - 1 / (size - 1)
