"""One law's parameters: their least-squares estimate and its t limits."""

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares
from scipy.stats import t

from attncap.scaling.deviations import ABSOLUTE, RELATIVE, Deviations
from attncap.scaling.laws import Law, Points
from attncap.scaling.points import Levels

STEP = 1e-20
# Beyond this condition the points say nothing of a parameter: the range of a double less a margin for the squares.
SINGULAR = 1e12
HUGE = 1e150
Ends = tuple[tuple[float, ...], tuple[float, ...]]


def estimate(law: Law, points: Levels, deviations: Deviations) -> np.ndarray:
    """Fit by least squares of the residuals, started from the fit of plain differences (or of shares of the values)."""
    start = law.start(points.x, points.y)
    weights = np.sqrt(points.weights)
    # Differences in units of the values start relative errors near enough; logarithms alone can get stuck at f <= 0.
    units = weights / np.abs(points.y) if deviations is RELATIVE else weights

    def differences(parameters: np.ndarray) -> Points:
        return units * (_curve(law, points.x, parameters) - points.y)

    def slopes(parameters: np.ndarray) -> np.ndarray:
        return units[:, None] * np.clip(jacobian(law, points.x, parameters), -HUGE, HUGE)

    def residuals(parameters: np.ndarray) -> Points:
        return weights * deviations.residuals(_curve(law, points.x, parameters), points.y)

    # MINPACK scales the parameters by the columns of the Jacobian: those of a cubic differ by x^3.
    near = least_squares(differences, start, slopes, method="lm", max_nfev=50 * len(start)).x
    if deviations is ABSOLUTE:
        return near
    return least_squares(residuals, near, method="lm", max_nfev=50 * len(start)).x


def _curve(law: Law, x: Points, parameters: np.ndarray) -> Points:
    with np.errstate(over="ignore", invalid="ignore"):
        curve = law.curve(x, parameters)
    return curve if np.isfinite(curve).all() else np.nan_to_num(np.clip(curve, -HUGE, HUGE), nan=HUGE)


def misfit(law: Law, parameters: np.ndarray, points: Levels, deviations: Deviations) -> float:
    """Return the weighted sum of squared residuals of the means, never less than rounding leaves."""
    residuals = deviations.residuals(_curve(law, points.x, parameters), points.y)
    return max(len(points) * deviations.rounding(points.y), float(np.sum(points.weights * residuals**2)))


def jacobian(law: Law, x: Points, parameters: np.ndarray) -> Float[np.ndarray, "n k"]:
    """Return the derivatives of the curve by its parameters, by complex steps (exact to rounding)."""
    steps = parameters + 1j * STEP * np.eye(len(parameters))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.stack([law.curve(x.astype(np.complex128), step).imag / STEP for step in steps], axis=1)


def spread(
    law: Law, parameters: np.ndarray, points: Levels, deviations: Deviations, free: int | None = None
) -> Float[np.ndarray, " k"]:
    r"""Return the standard errors of the parameters, $\sqrt{\hat\phi\, (J^\top W J)^{-1}}$.

    $\hat\phi$ is the misfit over its $n - k$ degrees of freedom, $n$ the number of different x. They are infinite where
    the points bound nothing.
    """
    curve = _curve(law, points.x, parameters)
    rows = np.sqrt(points.weights * deviations.weight(curve))[:, None] * jacobian(law, points.x, parameters)
    scale = np.linalg.norm(rows, axis=0)
    if not np.isfinite(rows).all() or scale.min() == 0 or np.linalg.cond(rows / scale) > SINGULAR:
        return np.full(len(parameters), np.inf)
    inverse = np.linalg.pinv(rows / scale)
    dispersion = misfit(law, parameters, points, deviations) / (free or len(points) - len(parameters))
    return np.sqrt(dispersion * (inverse**2).sum(axis=1)) / scale


def limits(law: Law, parameters: np.ndarray, points: Levels, deviations: Deviations, level: float) -> Ends:
    r"""Return the t limits $\theta \pm t_{n-k}\, s$ of each parameter."""
    half = float(t.ppf((1 + level) / 2, len(points) - len(parameters))) * spread(law, parameters, points, deviations)
    return tuple(map(float, parameters - half)), tuple(map(float, parameters + half))
