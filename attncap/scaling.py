r"""Scaling laws: how accuracy, associations or bits grow with heads, dimensions or parameters.

A law $f(x; \theta)$ is fitted to measured points, compared with the others by AICc, and its slope or exponent given
with a bootstrap interval. Accuracies are counts out of $T$ and can be fitted by their binomial likelihood.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares
from scipy.special import xlogy

from attncap.errors import InputError, nearest
from attncap.result import Result, hidden

Points = Float[np.ndarray, " n"]
Values = Sequence[float | int] | np.ndarray
CLOSE = 2.0
SATURATED = 0.95
EDGE = 1e-6
# Residuals of so small a share of the values are rounding: a law that fits exactly is no better than another.
ROUNDING = 1e-10


class ScalingWarning(UserWarning):
    """The data cannot tell the laws apart."""


@dataclass(frozen=True)
class Law:
    """A family of curves: its formula, the curve, and parameters to start a fit from."""

    name: str
    formula: str
    curve: Callable[[Points, np.ndarray], Points]
    start: Callable[[Points, Points], np.ndarray]

    @property
    def parameters(self) -> int:
        """How many numbers the fit chooses."""
        return len(self.start(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 4.0])))


def _polynomial(name: str, degree: int) -> Law:
    formula = " + ".join(["a", "b x", "c x^2", "d x^3"][: degree + 1])
    return Law(
        name, formula, lambda x, p: np.polyval(p[::-1], x), lambda x, y: np.polyfit(x, y, min(degree, len(x) - 1))[::-1]
    )


def _start_power(x: Points, y: Points) -> np.ndarray:
    slope, level = np.polyfit(np.log(x), np.log(np.maximum(y, 1e-9)), 1)
    return np.array([np.exp(level), slope])


def _start_saturating(x: Points, y: Points) -> np.ndarray:
    top = 1.1 * float(y.max())
    rate = max(1e-9, float(np.polyfit(x, -np.log1p(-np.clip(y / top, 0, 0.999)), 1)[0]))
    return np.array([top, rate])


LAWS = {
    law.name: law
    for law in (
        _polynomial("linear", 1),
        _polynomial("quadratic", 2),
        _polynomial("cubic", 3),
        Law("power", "a x^b", lambda x, p: p[0] * x ** p[1], _start_power),
        Law("saturating", "a (1 - exp(-b x))", lambda x, p: p[0] * -np.expm1(-p[1] * x), _start_saturating),
    )
}


@dataclass(frozen=True)
class Fitted(Result):
    """One law fitted to the points.

    Attributes:
        law: its name.
        formula: in x and the parameters a, b, ...
        parameters: fitted, in the order of the formula.
        low: lower ends of their bootstrap intervals.
        high: upper ends.
        aicc: Akaike's criterion, corrected for few points; None with too few to correct.
        weight: Akaike weight among the laws compared.
        rmse: root of the mean squared residual.
    """

    law: str
    formula: str
    parameters: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    aicc: float | None
    weight: float
    rmse: float

    def __call__(self, x: Float[np.ndarray, "..."] | float) -> Float[np.ndarray, "..."]:
        """Return the curve at x."""
        return np.asarray(LAWS[self.law].curve(np.asarray(x, dtype=np.float64), np.array(self.parameters)))


@dataclass(frozen=True)
class Scaling(Result):
    """Laws fitted to the same points, best first.

    Attributes:
        best: the law of smallest AICc.
        close: laws that the data cannot tell from it (AICc within 2).
        fits: every law that has enough points.
        used: how many points the window left.
        x: their places.
        y: their values.
    """

    best: str
    close: tuple[str, ...]
    fits: tuple[Fitted, ...]
    used: int
    x: Points = hidden()
    y: Points = hidden()

    def __getitem__(self, law: str) -> Fitted:
        """Return the fit of one law."""
        return next(fit for fit in self.fits if fit.law == law)


def before_saturation(accuracy: Values, threshold: float = SATURATED) -> slice:
    """Return the points up to and with the first accuracy above a threshold, as the paper fits them.

    Example:
        >>> before_saturation(np.array([0.3, 0.7, 0.96, 1.0]))
        slice(0, 3, None)

    Source: Dana, Pydi, Chevaleyre 2025 (arXiv 2411.10115), Experiment 4.
    """
    above = np.flatnonzero(np.asarray(accuracy) > threshold)
    return slice(0, int(above[0]) + 1 if len(above) else len(accuracy))


def fit(
    x: Values,
    y: Values,
    laws: Sequence[str] = tuple(LAWS),
    *,
    trials: float | int | None = None,
    window: float | None = None,
    resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Scaling:
    r"""Fit laws to points and compare them.

    Least squares by default; with ``trials`` $T$, y is a share of T right answers, fitted by its binomial likelihood
    $\prod_i f_i^{T y_i} (1 - f_i)^{T (1 - y_i)}$. The answers of one model are not independent, so the likelihood is
    tempered by the smallest dispersion $D / (n - k)$ among the laws ($D$ the deviance; never below one): QAICc.

    Args:
        x: heads, dimensions or parameters, positive.
        y: accuracies, associations or bits; several points may share an x.
        laws: names in ``LAWS``.
        trials: associations behind each accuracy.
        window: fit only up to the first mean accuracy above it, in order of x (the paper: 0.95).
        resamples: of the points, for the intervals; 0 for none.
        level: of the intervals.
        seed: of the resampling.

    Returns:
        The fits, best first.

    Raises:
        InputError: points that cannot be fitted, or an unknown law.

    Warns:
        ScalingWarning: another law is as good as the best.

    Example:
        >>> heads = np.array([1, 6, 11, 16, 21])
        >>> found = fit(heads, [0.130, 0.324, 0.506, 0.685, 0.861], ["linear", "power"], resamples=0)
        >>> found.best, round(found["linear"].parameters[1], 4)
        ('linear', 0.0365)

    Source: Burnham, Anderson 2002, "Model Selection and Multimodel Inference", 2.4 (AICc, QAICc, weights).
    """
    x, y = _points(x, y, trials is not None)
    if window is not None:
        places = np.unique(x)
        kept = places[before_saturation(np.array([y[x == place].mean() for place in places]), window)]
        x, y = x[np.isin(x, kept)], y[np.isin(x, kept)]
    chosen = [_law(name) for name in laws]
    fitted = [law for law in chosen if len(np.unique(x)) > law.parameters]
    if not fitted:
        raise InputError(f"fit: {len(np.unique(x))} different x are too few for {', '.join(laws)}; add points")
    found = {law.name: _estimate(law, x, y, trials) for law in fitted}
    criteria = _criteria(found, x, y, trials)
    least = min(criteria.values())
    weights = {
        name: float(np.exp((least - value) / 2)) if np.isfinite(value) else 0.0 for name, value in criteria.items()
    }
    intervals = _intervals(fitted, x, y, trials, resamples, level, seed)
    fits = [
        Fitted(
            law.name,
            law.formula,
            tuple(map(float, found[law.name])),
            *intervals[law.name],
            criteria[law.name] if np.isfinite(criteria[law.name]) else None,
            weights[law.name] / max(1e-300, sum(weights.values())),
            float(np.sqrt(np.mean((law.curve(x, found[law.name]) - y) ** 2))),
        )
        for law in sorted(fitted, key=lambda law: criteria[law.name])
    ]
    close = tuple(one.law for one in fits[1:] if criteria[one.law] - least < CLOSE)
    if close:
        warnings.warn(
            f"{len(x)} points cannot tell {fits[0].law} from {', '.join(close)} (AICc within {CLOSE:g})",
            ScalingWarning,
            stacklevel=2,
        )
    return Scaling(fits[0].law, close, tuple(fits), len(x), x, y)


def _points(x: Values, y: Values, share: bool) -> tuple[Points, Points]:
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise InputError(f"fit: expected as many y as x, in one dimension each, got shapes {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or x.min() <= 0:
        raise InputError("fit: expected finite points with positive x")
    if share and (y.min() < 0 or y.max() > 1):
        raise InputError(f"fit: with trials, y are shares in [0, 1]; got {y.min():g} to {y.max():g}")
    order = np.argsort(x, kind="stable")
    return x[order], y[order]


def _law(name: str) -> Law:
    if name not in LAWS:
        raise InputError(f"fit: expected laws among {', '.join(LAWS)}, got {name!r}{nearest(name, LAWS)}")
    return LAWS[name]


def _estimate(law: Law, x: Points, y: Points, trials: float | int | None) -> np.ndarray:
    """Fit one law: least squares of the residuals, then, for shares, of the residuals of the deviance."""
    start = law.start(x, y)
    squares = _least(lambda p: law.curve(x, p) - y, start)
    return squares if trials is None else _least(lambda p: _deviance(law.curve(x, p), y, trials), squares)


def _least(residuals: Callable[[np.ndarray], Points], start: np.ndarray) -> np.ndarray:
    # MINPACK scales the parameters by the columns of the Jacobian: those of a cubic differ by x^3.
    return least_squares(residuals, start, method="lm", max_nfev=50 * len(start)).x


def _deviance(curve: Points, y: Points, trials: float | int) -> Points:
    """Return residuals whose squares sum to minus twice the log-likelihood over that of a perfect fit.

    A curve outside (0, 1) is pulled back in at a price.
    """
    p = np.clip(curve, EDGE, 1 - EDGE)
    nats = xlogy(y, y / p) + xlogy(1 - y, (1 - y) / (1 - p)) + np.abs(curve - p)
    return np.sqrt(np.maximum(0.0, 2 * trials * nats)) * np.sign(curve - y)


def _criteria(found: dict[str, np.ndarray], x: Points, y: Points, trials: float | int | None) -> dict[str, float]:
    """Return AICc (least squares) or QAICc (shares) of each fit; infinite with too few points to correct."""
    n = len(x)
    curves = {name: LAWS[name].curve(x, p) for name, p in found.items()}
    if trials is None:
        exact = ROUNDING**2 * np.mean(y**2) or np.finfo(float).tiny
        misfit = {name: n * np.log(max(exact, np.mean((curve - y) ** 2))) for name, curve in curves.items()}
    else:
        deviance = {name: float((_deviance(curve, y, trials) ** 2).sum()) for name, curve in curves.items()}
        dispersion = max(1.0, min(deviance[name] / max(1, n - len(found[name])) for name in found))
        misfit = {name: value / dispersion for name, value in deviance.items()}
    # The spread of the points is one more parameter.
    count = {name: len(p) + 1 for name, p in found.items()}
    return {
        name: float(misfit[name] + 2 * k + 2 * k * (k + 1) / (n - k - 1)) if n > k + 1 else float("inf")
        for name, k in count.items()
    }


def _intervals(
    laws: Sequence[Law], x: Points, y: Points, trials: float | int | None, resamples: int, level: float, seed: int
) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
    """Return percentile intervals of each law's parameters over resampled points."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[np.ndarray]] = {law.name: [] for law in laws}
    for _ in range(resamples):
        rows = np.sort(rng.integers(len(x), size=len(x)))
        for law in laws:
            if len(np.unique(x[rows])) > law.parameters:
                drawn[law.name].append(_estimate(law, x[rows], y[rows], trials))
    ends = ((1 - level) / 2, (1 + level) / 2)
    out = {}
    for law in laws:
        if drawn[law.name]:
            low, high = np.quantile(drawn[law.name], ends, axis=0)
        else:
            low = high = np.full(law.parameters, np.nan)
        out[law.name] = (tuple(map(float, low)), tuple(map(float, high)))
    return out
