"""Least squares, as the paper fits its lines."""

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

Points = Float[np.ndarray, " n"]


def r_squared(x: Points, y: Points) -> float:
    """Return the share of y's variance that the best a x + b explains.

    Example:
        >>> r_squared(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 5.0]))
        1.0
    """
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    return float(1 - residual @ residual / ((y - y.mean()) @ (y - y.mean())))


def slope(x: Points, y: Points) -> float:
    """Return a of the best a x + b."""
    return float(np.polyfit(x, y, 1)[0])


def curvature(x: Points, y: Points) -> float:
    """Return c of the best a + b x + c x^2: negative where y is concave."""
    return float(np.polyfit(x, y, 2)[0])


def exponent(x: Points, y: Points, *, offset: bool) -> float:
    """Return b of the best a x^b, or a x^b + c with an offset.

    Example:
        >>> x = np.arange(1.0, 9.0)
        >>> round(exponent(x, 3 * x**1.5, offset=False), 6), round(exponent(x, 3 * x**1.5 + 2, offset=True), 6)
        (1.5, 1.5)
    """

    def residual(parameters: np.ndarray) -> np.ndarray:
        return parameters[0] * x ** parameters[1] + parameters[2:].sum() - y

    start = [(y[-1] - y[0]) / (x[-1] - x[0]), 1.0, *([y[0]] if offset else [])]
    return float(least_squares(residual, start, x_scale="jac", xtol=1e-14, ftol=1e-14).x[1])
