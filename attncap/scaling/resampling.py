"""Intervals from resampled x, for errors that are far from normal."""

import dataclasses

import numpy as np

from attncap.scaling.deviations import Deviations
from attncap.scaling.estimate import Ends, estimate, spread
from attncap.scaling.laws import Law
from attncap.scaling.points import Levels


def resampled(
    law: Law, parameters: np.ndarray, points: Levels, deviations: Deviations, resamples: int, level: float, seed: int
) -> Ends:
    r"""Return the bootstrap-t limits $\theta - s\, t^*_{1 \mp \alpha / 2}$ over resampled x.

    $t^* = (\theta^* - \theta) / s^*$ of the resamples that determine every parameter. An x stays together with its
    repetitions, which share what makes it deviate.

    Source: Efron, Tibshirani 1993, "An Introduction to the Bootstrap", 12.5.
    """
    rng = np.random.default_rng(seed)
    scores = []
    for _ in range(resamples):
        rows, times = np.unique(rng.integers(len(points), size=len(points)), return_counts=True)
        if len(rows) > len(parameters):
            drawn = dataclasses.replace(points, x=points.x[rows], y=points.y[rows], counts=points.counts[rows] * times)
            again = estimate(law, drawn, deviations)
            free = len(points) - len(parameters)
            scores.append((again - parameters) / spread(law, again, drawn, deviations, free))
    if not scores:
        return tuple(-np.inf for _ in parameters), tuple(np.inf for _ in parameters)
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2], axis=0)
    here = spread(law, parameters, points, deviations)
    return tuple(map(float, parameters - high * here)), tuple(map(float, parameters - low * here))
