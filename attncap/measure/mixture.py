r"""The code of a model mixed with the prior, $(1-\varepsilon) p + \varepsilon q$: what it saves, and the best mixture.

Pure functions of the log-ratios $\ln p_t(y_t)/q_t(y_t)$, for NumPy's and JAX's arrays alike.
"""

from typing import Any

from jaxtyping import Float

Array = Any  # NumPy's or JAX's: functions are taken from the array's own namespace
LN2 = 0.6931471805599453
# Log-odds of the mixture are sought within this range; its ends stand for the prior and the model alone.
RANGE = 40.0
HALVINGS, NEWTONS = 8, 6


def saved(
    log_ratio: Float[Array, "*members n"], mixture: Float[Array, "*members"], weight: Float[Array, " n"]
) -> Float[Array, "*members"]:
    r"""Return $\sum_t w_t \log_2\big((1-\varepsilon) p_t/q_t + \varepsilon\big)$, the bits that a mixture saves.

    Args:
        log_ratio: $\ln p_t/q_t$; minus infinity where $p_t = 0$.
        mixture: $\varepsilon$, in (0, 1].
        weight: $w$.
    """
    xp = log_ratio.__array_namespace__()
    mixture = mixture[..., None]
    return xp.log((1 - mixture) * xp.exp(log_ratio) + mixture) @ weight / LN2


def best_mixture(
    log_ratio: Float[Array, "*members n"], weight: Float[Array, " n"]
) -> tuple[Float[Array, "*members"], Float[Array, "*members"]]:
    r"""Return the largest number of bits saved over $0 \le \varepsilon \le 1$, and where.

    The bits are concave in $\varepsilon$. With $u = \ln \varepsilon/(1-\varepsilon)$ their slope is that of

    $$\sum_t w_t \big[\ln(p_t/q_t + e^u) - \ln(1 + e^u)\big],$$

    whose sign changes once: bisection brackets it, Newton's steps within the bracket finish. The number of steps is
    fixed, so that it compiles. Whatever is returned is saved by a code that exists; at $\varepsilon = 1$ it is 0.

    Args:
        log_ratio: $\ln p_t/q_t$, any number of members; minus infinity where $p_t = 0$.
        weight: how often each answer counts.

    Returns:
        Bits and $\varepsilon$ of every member.

    Example:
        >>> import numpy as np
        >>> bits, mixture = best_mixture(np.log([1.5, 1.5, 1e-9]), np.ones(3))
        >>> float(bits), float(mixture)
        (0.0, 1.0)
        >>> bits, mixture = best_mixture(np.log([8.0, 8.0, 1e-9]), np.ones(3))
        >>> round(float(bits), 4), round(float(mixture), 4)
        (3.4378, 0.381)
    """
    xp = log_ratio.__array_namespace__()
    ratio, total = xp.exp(log_ratio), xp.sum(weight)
    low = xp.full(log_ratio.shape[:-1], -RANGE, dtype=log_ratio.dtype)
    high, odds = -low, xp.zeros_like(low)
    for step in range(HALVINGS + NEWTONS):
        prior = xp.exp(odds)[..., None]
        share, even = prior / (ratio + prior), prior[..., 0] / (1 + prior[..., 0])
        slope = share @ weight - total * even
        low, high = xp.where(slope > 0, odds, low), xp.where(slope > 0, high, odds)
        curvature = (share * (1 - share)) @ weight - total * even * (1 - even)
        newton = odds - slope / xp.where(curvature < 0, curvature, -1.0)
        inside = (curvature < 0) & (newton >= low) & (newton <= high) & (step >= HALVINGS)
        odds = xp.where(inside, newton, (low + high) / 2)
    mixture = 1 / (1 + xp.exp(-odds))
    bits = saved(log_ratio, mixture, weight)
    # The ends: the model alone, where no answer has probability zero, and the prior alone.
    alone = xp.where(weight > 0, log_ratio, 0.0) @ weight / LN2
    mixture, bits = xp.where(alone > bits, 0.0, mixture), xp.maximum(alone, bits)
    return xp.maximum(bits, 0.0), xp.where(bits > 0, mixture, 1.0)
