"""Adam's steps, for losses that are no smooth functions of their parameters."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attncap.numerics.lbfgs import Objective

# Decay of the means of the gradient and of its square; added to the root of the latter.
FIRST, SECOND, SMALL = 0.9, 0.99, 1e-10


@dataclass(frozen=True)
class Step:
    """Where the steps are.

    Attributes:
        point: the parameters.
        loss: at the point.
        margin: the smallest margin at the point, in logits.
    """

    point: Float[np.ndarray, " P"]
    loss: float
    margin: float


def adam(objective: Objective, start: Float[np.ndarray, " P"], steps: int, rate: float) -> Iterator[Step]:
    r"""Yield the points of so many steps, whose rate falls to zero.

    $$x \leftarrow x - \eta_k\, \hat m / (\sqrt{\hat v} + \epsilon)$$

    Args:
        objective: returns the loss, its gradient and the smallest margin at a point.
        start: the first point.
        steps: how many.
        rate: $\eta_0$.

    Example:
        >>> *_, last = adam(lambda x: (float(x @ x), 2 * x, float(1 - abs(x).max())), np.ones(2), 200, 0.1)
        >>> last.loss < 1e-3
        True

    Source: Kingma, Ba 2015, "Adam: A Method for Stochastic Optimization" (arXiv 1412.6980), algorithm 1.
    """
    point, mean, square = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, steps + 1):
        loss, gradient, margin = objective(point)
        yield Step(point, loss, margin)
        mean = FIRST * mean + (1 - FIRST) * gradient
        square = SECOND * square + (1 - SECOND) * gradient**2
        pace = rate * (1 - step / steps) / (1 - FIRST**step)
        point = point - pace * mean / (np.sqrt(square / (1 - SECOND**step)) + SMALL)
