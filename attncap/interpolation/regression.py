r"""The baseline: ridge regression on the tokens themselves, attention with K = I."""

import numpy as np

Values = np.ndarray | float | int


def linear_regression(ratio: Values, ridge: Values, snr: Values = 0.0) -> np.ndarray:
    r"""Return the interpolation error of ridge regression in closed form.

    With m > 0 the root of :math:`\gamma m^2 + (\gamma + c - 1) m - 1 = 0` and m' its derivative in :math:`\gamma`,

    .. math::  E = -\gamma^2 m' \frac{1 + 2m + (1+\rho) m^2}{(1 + (1+\rho) m)^2}.
    """
    c, g, rho = (np.asarray(value, dtype=np.float64) for value in (ratio, ridge, snr))
    linear = g + c - 1
    root = np.sqrt(linear**2 + 4 * g)
    m = np.where(linear >= 0, 2 / np.where(linear >= 0, linear + root, 1), (root - linear) / (2 * g))
    slope = -(m**2) / (1 - c * m**2 / (1 + m) ** 2)
    return -(g**2) * slope * (1 + 2 * m + (1 + rho) * m**2) / (1 + (1 + rho) * m) ** 2
