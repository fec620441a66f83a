"""Fit laws to points, compare them, and say when the points cannot tell them apart."""

import warnings
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np

from attncap.constraints import Natural, Positive, Range, Seed, checked, reals
from attncap.errors import InputError
from attncap.scaling import comparison
from attncap.scaling.deviations import ABSOLUTE, RELATIVE, Deviations, shares
from attncap.scaling.estimate import estimate, limits
from attncap.scaling.laws import LAWS, Law, Points, named
from attncap.scaling.points import Levels, Values, finite, levels
from attncap.scaling.resampling import resampled
from attncap.scaling.results import Fitted, Scaling, ScalingWarning

SATURATED = 0.95
KINDS = {one.name: one for one in (ABSOLUTE, RELATIVE)}
# Below so many different x no criterion finds a true quadratic among the laws nine times in ten.
FEWEST = 8


@checked
def before_saturation(accuracy: Values, threshold: float = SATURATED) -> slice:
    """Return the points up to and with the first accuracy above a threshold, as the paper fits them.

    Example:
        >>> before_saturation(np.array([0.3, 0.7, 0.96, 1.0]))
        slice(0, 3, None)

    Source: Dana, Pydi, Chevaleyre 2025 (arXiv 2411.10115), Experiment 4.
    """
    above = np.flatnonzero(reals(accuracy, "accuracy") > threshold)
    return slice(0, int(above[0]) + 1 if len(above) else len(accuracy))


@checked
def fit(
    x: Values,
    y: Values,
    laws: Sequence[str] = tuple(LAWS),
    *,
    trials: Annotated[float | int, Range(1)] | None = None,
    errors: Literal["absolute", "relative"] = "absolute",
    window: Positive | None = None,
    resamples: Natural = 0,
    level: Annotated[float | int, Range(0, 1, open=True)] = 0.95,
    seed: Seed = 0,
) -> Scaling:
    r"""Fit laws to points and compare them.

    Values at the same x are averaged first: seeds that share an x share what makes it deviate. The means are fitted by
    least squares; with ``trials`` $T$, y is a share of T right answers, fitted by its binomial likelihood
    $\prod_i f_i^{T y_i} (1 - f_i)^{T (1 - y_i)}$. The answers of one model are not independent, so the likelihood is
    tempered by the smallest dispersion $D / (n - k)$ among the laws ($D$ the deviance; never below one): QAICc.

    Args:
        x: heads, dimensions or parameters, positive.
        y: accuracies, associations or bits; several points may share an x.
        laws: names in ``LAWS``.
        trials: associations behind each accuracy.
        errors: "absolute" compares values, "relative" their logarithms, for errors that are a share of the value.
        window: fit only up to the first mean accuracy above it, in order of x (the paper: 0.95).
        resamples: of the x, for bootstrap-t intervals; 0 for t limits, which fewer than 8 different x get in any case.
        level: of the intervals.
        seed: of the resampling.

    Returns:
        The fits, best first.

    Raises:
        InputError: points that cannot be fitted, an unknown law, or an option out of its range.

    Warns:
        ScalingWarning: another law is as good as the best, or the points are too few to choose.

    Example:
        >>> heads = np.array([1, 6, 11, 16, 21])
        >>> found = fit(heads, [0.130, 0.324, 0.506, 0.685, 0.861], ["linear"])
        >>> round(found["linear"].parameters[1], 4), round(found["linear"].low[1], 4), round(found["linear"].high[1], 4)
        (0.0365, 0.0352, 0.0377)

    Source: Burnham, Anderson 2002, "Model Selection and Multimodel Inference", 2.4 (AICc, QAICc, weights).
    """
    if errors == "relative" and trials is not None:
        raise InputError("errors", "none beside trials, whose errors are binomial", errors)
    x, y = finite(x, y, trials is not None)
    if window is not None:
        x, y = _windowed(x, y, window)
    different = len(np.unique(x))
    wanted = [named(name) for name in dict.fromkeys(laws)]
    fitted = [law for law in wanted if different > law.parameters]
    if not fitted:
        raise InputError(f"fit: {different} different x are too few for {', '.join(laws)}; add points")
    if errors == "relative" and y.min() <= 0:
        raise InputError("y", "positive values for relative errors", float(y.min()))
    deviations = KINDS[errors] if trials is None else shares(float(trials))
    points, found = _estimates(fitted, x, y, deviations)
    table = comparison.compared(found, points, deviations)
    ranked = comparison.ranked(table)
    if len(wanted) == 1 or different >= FEWEST:
        best, close = ranked[0], comparison.close(ranked[0], found, points, deviations)
        if close:
            _warn(f"{len(x)} points cannot tell {best} from {', '.join(close)}")
    else:
        best, close = None, tuple(ranked)
        _warn(f"{different} different x are too few points to choose a law; {FEWEST} are needed")
    if trials is None and different >= FEWEST and y.min() > 0:
        _doubt_errors(fitted, x, y, deviations, table[ranked[0]])

    def one(law: Law) -> Fitted:
        parameters, row = found[law.name], table[law.name]
        if resamples and different >= FEWEST:
            low, high = resampled(law, parameters, points, deviations, resamples, float(level), seed)
        else:
            low, high = limits(law, parameters, points, deviations, float(level))
        rmse = float(np.sqrt(np.mean((law.curve(x, parameters) - y) ** 2)))
        doubt = comparison.lack_of_fit(law, parameters, points, deviations)
        theta = tuple(map(float, parameters))
        return Fitted(law.name, law.formula, theta, low, high, row.aicc, row.weight, rmse, doubt)

    return Scaling(best, close, tuple(one(LAWS[name]) for name in ranked), len(x), deviations.name, x, y)


def _windowed(x: Points, y: Points, window: float | int) -> tuple[np.ndarray, np.ndarray]:
    means = levels(x, y)
    inside = x <= means.x[before_saturation(means.y, float(window))][-1]
    return x[inside], y[inside]


def _estimates(
    laws: Sequence[Law], x: Points, y: Points, deviations: Deviations
) -> tuple[Levels, dict[str, np.ndarray]]:
    """Return the means at each x and the parameters of each law."""
    points = levels(x, y, deviations is RELATIVE)
    return points, {law.name: estimate(law, points, deviations) for law in laws}


def _doubt_errors(laws: Sequence[Law], x: Points, y: Points, deviations: Deviations, best: comparison.Compared) -> None:
    """Warn if the points speak for the other model of the errors: it changes parameters and intervals."""
    other = RELATIVE if deviations is ABSOLUTE else ABSOLUTE
    points, found = _estimates(laws, x, y, other)
    least = min(row.criterion for row in comparison.compared(found, points, other).values())
    if not best.exact and best.criterion - least > comparison.CLOSE:
        _warn(
            f"the errors look {other.name}: errors='{other.name}' lowers the best AICc by {best.criterion - least:.0f}"
        )


def _warn(message: str) -> None:
    warnings.warn(message, ScalingWarning, stacklevel=3)
