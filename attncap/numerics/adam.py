"""Adam's steps, for losses that are no smooth functions of their parameters."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attncap.numerics.lbfgs import Objective

# Decay of the mean of the gradient.
FIRST = 0.9


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


def adam(
    objective: Objective,
    start: Float[np.ndarray, " P"],
    rates: Iterable[float],
    second: float = 0.99,
    small: float = 1e-10,
) -> Iterator[Step]:
    r"""Yield the point before each step.

    $$x \leftarrow x - \eta_k\, \hat m / (\sqrt{\hat v} + \epsilon)$$

    Args:
        objective: returns the loss, its gradient and the smallest margin at a point.
        start: the first point.
        rates: $\eta_k$ of each step.
        second: decay of the mean of the squared gradient.
        small: $\epsilon$.

    Example:
        >>> *_, last = adam(lambda x: (float(x @ x), 2 * x, float(1 - abs(x).max())), np.ones(2), 200 * [0.1])
        >>> last.loss < 1e-3
        True

    Source: Kingma, Ba 2015, "Adam: A Method for Stochastic Optimization" (arXiv 1412.6980), algorithm 1.
    """
    # Optax's would read JAX, which nothing else of a construction needs.
    point, mean, square = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step, rate in enumerate(rates, 1):
        loss, gradient, margin = objective(point)
        yield Step(point, loss, margin)
        mean = FIRST * mean + (1 - FIRST) * gradient
        square = second * square + (1 - second) * gradient**2
        pace = rate / (1 - FIRST**step)
        point = point - pace * mean / (np.sqrt(square / (1 - second**step)) + small)
