"""Theorem 2 of Dana, Pydi and Chevaleyre: distributions near a look-up table."""

import numpy as np
from scipy.special import entr

from attncap.tasks import Distributions


def lookup_bound(task: Distributions, embedding_dim: int) -> float | None:
    r"""Bound the best rank-$d$ encoder from above for distributions near a look-up table.

    With $g(t)$ the most likely token, $\tilde\pi_t$ the others' distribution, $C = \sqrt{32 \log(N+1)/d} < 1/2$,

    $$D \le \frac{1}{1-2C} \sum_t w_t (1 - \pi_t(g(t))) \log\frac{N-1}{e^{H(\pi_t)}-1}
    \big(1 + 2C + C\, d_{TV}(\tilde\pi_t, \text{uniform})\big) .$$

    Args:
        task: the distributions; $H$ is their entropy in nats.
        embedding_dim: $d$.

    Returns:
        The bound in nats; None unless $C < 1/2$, that is $d > 128 \log(N+1)$.

    Example:
        >>> from attncap.tasks import distributions
        >>> near = distributions(0.9 * np.eye(6) + 0.1 / 6)
        >>> lookup_bound(near, 8), round(lookup_bound(near, 1000), 3)
        (None, 0.563)

    Source: Dana, Pydi, Chevaleyre 2025, Theorem 2 (arXiv 2411.10115).
    """
    size = task.vocabulary_size
    constant = float(np.sqrt(32 * np.log(size + 1) / embedding_dim))
    if constant >= 0.5:
        return None
    rows, likely = np.arange(task.count), task.pi.argmax(axis=1)
    # A deterministic row contributes nothing: (1 - pi) log(1 / H) vanishes with the entropy.
    left = 1 - task.pi[rows, likely]
    others = task.pi.copy()
    others[rows, likely] = 0.0
    others /= np.maximum(left, np.finfo(float).tiny)[:, None]
    distance = (abs(others - 1 / (size - 1)).sum(axis=1) - 1 / (size - 1)) / 2
    spread = np.maximum(np.expm1(entr(task.pi).sum(axis=1)), np.finfo(float).tiny)
    each = left * np.log((size - 1) / spread) * (1 + 2 * constant + constant * distance)
    return float(task.weight @ each) / (1 - 2 * constant)
