r"""The high-dimensional limit of attention's in-context memorization (interpolation) error.

$X = \mu y^T + Z$ (p x n, balanced labels, Z iid standard normal), $S = X^T (I + w_K w_Q^T) X/\sqrt p$,
attention $X K$ with $K = f(S)/\sqrt p$, and a ridge probe that reads the labels from it:

$$E(\gamma) = \tfrac1n |y - K^T X^T w|^2, \qquad w = (X K K^T X^T + n \gamma I)^{-1} X K y.$$

The limit n, p to infinity at fixed c = p/n is Liao, Liu, Hou, Zou, Ling (arXiv 2506.18656), who give it as a 9 x 9
system; the equations here were derived independently and checked by simulation, not term by term against that system.
"""

import numpy as np
from jaxtyping import Float

from attncap.constraints import checked
from attncap.interpolation.continuation import descend
from attncap.interpolation.heads import Attention, data, linearise, norm_estimate, spikes
from attncap.interpolation.pencil import Pencil
from attncap.interpolation.signal import respond
from attncap.progress import track

START = 1e3  # the continuation begins at this many times the largest eigenvalue of M^T M


@checked
def predict(
    attention: Attention,
    mean: Float[np.ndarray, "*mean signals"],
    ratio: Float[np.ndarray, "*ratio"],
    ridge: Float[np.ndarray, "*ridge"],
) -> Float[np.ndarray, "*grid"]:
    r"""Return the limit of E for any heads and signals; all leading axes broadcast.

    Args:
        attention: the heads, whose spikes are written in the same basis as ``mean``.
        mean: $\mu$ in an orthonormal basis of the span of $\mu, w_K, w_Q$.
        ratio: c = p/n.
        ridge: $\gamma$.
    """
    return quadratic_form(attention, mean, ratio, ridge)[1]


def quadratic_form(
    attention: Attention, mean: np.ndarray, ratio: np.ndarray, ridge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the limits of $y^T Q y/n$ and of $E = \gamma^2 y^T Q^2 y/n$."""
    parts = spikes(attention)
    spiked = [part.shape[:-2] for part in parts.values()]
    shape = np.broadcast_shapes(mean.shape[:-1], ratio.shape, ridge.shape, *spiked)
    signals = mean.shape[-1]
    c, g = (np.broadcast_to(each, shape).ravel() for each in (ratio, ridge))
    pencil = linearise(attention)
    inverse, slope = noise_only(pencil, c, g, START * float(norm_estimate(attention, np.unique(c)).max()))
    value, derivative = respond(
        pencil,
        data(len(attention.groups)),
        inverse,
        slope,
        np.broadcast_to(mean, (*shape, signals)).reshape(-1, signals) / np.sqrt(c)[:, None],
        {
            block: np.broadcast_to(part, (*shape, signals, signals)).reshape(-1, signals, signals)
            for block, part in parts.items()
        },
    )
    return (value / c).reshape(shape), (-((g / c) ** 2) * derivative).reshape(shape)


def noise_only(
    pencil: Pencil, ratio: Float[np.ndarray, " points"], ridge: Float[np.ndarray, " points"], start: float
) -> tuple[Float[np.ndarray, "points N N"], Float[np.ndarray, "points N N"]]:
    """Solve the Dyson equation at all points in one descent over the ridges, all ratios side by side."""
    ratios, member = np.unique(ratio, return_inverse=True)
    ridges, target = np.unique(ridge, return_inverse=True)
    entries = np.empty((len(ratio), pencil.unknowns))
    slopes = np.empty_like(entries)
    states = descend(pencil, ratios, start, ridges[::-1])
    for position, state in enumerate(track(states, "solve", total=len(ridges))):
        points = np.flatnonzero(target == len(ridges) - 1 - position)
        entries[points], slopes[points] = state.entries[member[points]], state.slope[member[points]]
    z = ridge / ratio
    change = -pencil.sigma(slopes / z[:, None])
    change[:, 0, 0] += 1
    return pencil.operator(z, entries), change
