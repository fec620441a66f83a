r"""The baseline: ridge regression on the tokens themselves, attention with K = I."""

from typing import Annotated

import numpy as np

from attncap.constraints import Numbers, checked
from attncap.interpolation.activations import Activation

Values = np.ndarray | float | int | list
# What a ratio or a ridge may be, and what a signal's strength and an alignment may be.
Above = Annotated[Values, Numbers(0, open=True)]
Strength = Annotated[Values, Numbers(0)]
Finite = Annotated[Values, Numbers()]

# The kernel of this f is d I: with diagonal 1 the probe reads the tokens themselves.
KEEP = Activation("ridge regression", a1=0.0, nu=0.0, function=np.zeros_like)


@checked
def linear_regression(ratio: Above, ridge: Above, snr: Strength = 0.0) -> np.ndarray:
    r"""Return the interpolation error of ridge regression in closed form.

    With m > 0 the root of $\gamma m^2 + (\gamma + c - 1) m - 1 = 0$ and m' its derivative in $\gamma$,

    $$E = -\gamma^2 m' \frac{1 + 2m + (1+\rho) m^2}{(1 + (1+\rho) m)^2}.$$

    Args:
        ratio: c = p/n.
        ridge: $\gamma$.
        snr: $\rho = |\mu|^2$.

    Example:
        >>> round(float(linear_regression(ratio=0.5, ridge=1.0, snr=1.0)), 6)
        0.388612
    """
    c, g, rho = (np.asarray(value, dtype=np.float64) for value in (ratio, ridge, snr))
    linear = g + c - 1
    root = np.sqrt(linear**2 + 4 * g)
    m = np.where(linear >= 0, 2 / np.where(linear >= 0, linear + root, 1), (root - linear) / (2 * g))
    slope = -(m**2) / (1 - c * m**2 / (1 + m) ** 2)
    return np.asarray(-(g**2) * slope * (1 + 2 * m + (1 + rho) * m**2) / (1 + (1 + rho) * m) ** 2)
