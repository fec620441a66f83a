r"""Which law the points choose: AICc, Akaike weights, F-tests against larger laws and against repetitions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import f

from attncap.scaling.deviations import Deviations
from attncap.scaling.estimate import misfit
from attncap.scaling.laws import LAWS, Law
from attncap.scaling.points import Levels

# Burnham and Anderson 2002: beyond 7 a law has little support.
CLOSE = 7.0
REJECTED = 0.05
Fits = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Compared:
    r"""One law among those compared.

    Attributes:
        parameters: how many.
        misfit: minus twice the log-likelihood, up to a constant of the points.
        criterion: AICc, $-2 \ln L + 2 k + 2 k (k + 1) / (n - k - 1)$; infinite with too few points to correct.
        weight: Akaike weight $e^{-\Delta / 2}$, normalized; zero without an AICc.
        exact: whether the residuals are rounding.
    """

    parameters: int
    misfit: float
    criterion: float
    weight: float
    exact: bool

    @property
    def aicc(self) -> float | None:
        """The criterion, or None."""
        return self.criterion if math.isfinite(self.criterion) else None


def compared(found: Fits, points: Levels, deviations: Deviations) -> dict[str, Compared]:
    """Return what AICc says of each fit."""
    n = len(points)
    squares = {name: misfit(LAWS[name], p, points, deviations) for name, p in found.items()}
    likelihood = _likelihoods(squares, found, points, deviations)
    # The spread of the points is one more parameter.
    count = {name: len(p) + 1 for name, p in found.items()}
    criterion = {
        name: likelihood[name] + 2 * k + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else math.inf
        for name, k in count.items()
    }
    least = min(criterion.values())
    raw = {name: math.exp((least - value) / 2) if math.isfinite(value) else 0.0 for name, value in criterion.items()}
    total = max(1.0, sum(raw.values()))
    floor = 1.01 * n * deviations.rounding(points.y)
    return {
        name: Compared(len(p), likelihood[name], criterion[name], raw[name] / total, squares[name] <= floor)
        for name, p in found.items()
    }


def _likelihoods(squares: Mapping[str, float], found: Fits, points: Levels, deviations: Deviations) -> dict[str, float]:
    n = len(points)
    if deviations.trials is None:
        return {name: n * math.log(value / n) + deviations.change(points.y) for name, value in squares.items()}
    # Answers of one model are not independent: the likelihood is tempered by their dispersion.
    deviance = {name: value * float(points.counts.mean()) for name, value in squares.items()}
    dispersion = max(1.0, min(value / (n - len(found[name])) for name, value in deviance.items()))
    return {name: value / dispersion for name, value in deviance.items()}


def ranked(table: Mapping[str, Compared]) -> list[str]:
    """Return the laws, best first: by AICc; where it is infinite, by likelihood and number of parameters."""
    return sorted(table, key=lambda name: (table[name].criterion, table[name].misfit, table[name].parameters))


def nested(law: Law, larger: Law, found: Fits, points: Levels, deviations: Deviations) -> float:
    """Return the p-value of the F-test of a law against a larger one that contains it."""
    free, more = len(points) - len(found[larger.name]), len(found[larger.name]) - len(found[law.name])
    small, large = (misfit(one, found[one.name], points, deviations) for one in (law, larger))
    return float(f.sf(max(0.0, small - large) / more / (large / free), more, free))


def lack_of_fit(law: Law, parameters: np.ndarray, points: Levels, deviations: Deviations) -> float | None:
    """Return the p-value of the F-test of the means' misfit against the repetitions around them; None without any."""
    if not points.repeated:
        return None
    around = deviations.residuals(points.y[points.level], points.single)
    pure = max(float(np.sum(around**2)), points.repeated * deviations.rounding(points.y)) / points.repeated
    free = len(points) - len(parameters)
    means = misfit(law, parameters, points, deviations) * float(points.counts.mean())
    return float(f.sf(means / free / pure, free, points.repeated))


def close(best: str, found: Fits, points: Levels, deviations: Deviations) -> tuple[str, ...]:
    """Return the laws that the points cannot tell from the best.

    Their AICc is within 7, or no larger law that contains one rejects it (F-test, p > .05) and its likelihood is as
    near to the best's: the correction of AICc punishes a true law of four parameters at ten points by more than 7.
    """
    table = compared(found, points, deviations)

    def allowed(name: str) -> bool:
        if table[name].criterion - table[best].criterion < CLOSE:
            return True
        larger = [LAWS[one] for one in LAWS[name].inside if one in found]
        tests = [nested(LAWS[name], one, found, points, deviations) for one in larger]
        return bool(tests) and min(tests) > REJECTED and table[name].misfit - table[best].misfit < CLOSE

    return tuple(name for name in ranked(table) if name != best and allowed(name))
