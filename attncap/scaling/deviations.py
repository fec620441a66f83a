r"""How measured values deviate from a law: by a constant, by a share of the value, or as counts out of $T$."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from attncap.scaling.laws import Points

EDGE = 1e-6
# Residuals of so small a share of the values are rounding: a law that fits exactly is no better than another.
ROUNDING = 1e-10


@dataclass(frozen=True)
class Deviations:
    """One model of the errors.

    Attributes:
        name: absolute, relative or shares.
        residuals: of a curve and the values; their squares sum to minus twice the log-likelihood, up to the dispersion.
        weight: squared derivative of a residual by the curve, at the curve.
        change: of minus twice the log-likelihood by the change of variables, so that models of the same values compare.
        rounding: the mean squared residual below which a fit is exact.
        trials: answers behind each value; None if the dispersion is unknown.
    """

    name: str
    residuals: Callable[[Points, Points], Points]
    weight: Callable[[Points], Points]
    change: Callable[[Points], float]
    rounding: Callable[[Points], float]
    trials: float | None = None


ABSOLUTE = Deviations(
    "absolute",
    lambda curve, y: curve - y,
    np.ones_like,
    lambda y: 0.0,
    lambda y: ROUNDING**2 * float(np.mean(y**2)) or float(np.finfo(float).tiny),
)


def _positive(curve: Points) -> Points:
    # A curve at or below zero is pulled up to a value whose logarithm is far from any point's.
    return np.maximum(curve, 1e-12)


RELATIVE = Deviations(
    "relative",
    lambda curve, y: np.log(_positive(curve / y)),
    lambda curve: 1 / np.maximum(np.abs(curve), 1e-300) ** 2,
    lambda y: 2 * float(np.sum(np.log(y))),
    lambda y: ROUNDING**2,
)


def shares(trials: float) -> Deviations:
    r"""Return the binomial deviations of shares of $T$ answers.

    A squared residual is minus twice the log-likelihood over that of a perfect fit; a curve outside (0, 1) is pulled
    back in at a price.
    """

    def residuals(curve: Points, y: Points) -> Points:
        p = np.clip(curve, EDGE, 1 - EDGE)
        nats = xlogy(y, y / p) + xlogy(1 - y, (1 - y) / (1 - p)) + np.abs(curve - p)
        return np.sqrt(np.maximum(0.0, 2 * trials * nats)) * np.sign(curve - y)

    def weight(curve: Points) -> Points:
        p = np.clip(curve, EDGE, 1 - EDGE)
        return trials / (p * (1 - p))

    return Deviations("shares", residuals, weight, lambda y: 0.0, lambda y: 1e-12 * trials, trials)
