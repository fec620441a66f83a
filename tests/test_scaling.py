"""Scaling laws: planted laws come back, the comparison is the textbook's, and doubt is said."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from attncap import scaling
from attncap.errors import InputError

X = np.arange(1.0, 25.0, 2)
TRUE = {
    "linear": [0.1, 0.03],
    "quadratic": [0.05, 0.02, 0.0005],
    "cubic": [0.05, 0.03, -0.002, 0.00008],
    "power": [0.1, 0.6],
    "saturating": [0.9, 0.08],
}


@pytest.mark.parametrize("law", scaling.LAWS)
@pytest.mark.parametrize("trials", [None, 2500])
def test_planted_laws_come_back(law, trials):
    y = scaling.LAWS[law].curve(X, np.array(TRUE[law]))
    found = scaling.fit(X, y, [law], trials=trials, resamples=0)
    np.testing.assert_allclose(found[law].parameters, TRUE[law], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found[law](X), y, atol=1e-5)


@pytest.mark.parametrize("law", ["linear", "quadratic", "power", "saturating"])
def test_of_laws_that_fit_exactly_the_one_of_fewest_parameters_is_best(law):
    y = scaling.LAWS[law].curve(X, np.array(TRUE[law]))
    assert scaling.fit(X, y, resamples=0).best == law
    with pytest.warns(scaling.ScalingWarning):
        assert scaling.fit(X, 0.0 * X, ["quadratic", "linear", "power"], resamples=0).best == "linear"


@given(seed=st.integers(0, 10**6), law=st.sampled_from(["linear", "power"]))
@settings(max_examples=15, deadline=None)
def test_the_likelihood_is_the_binomial_one(seed, law):
    rng = np.random.default_rng(seed)
    p = np.clip(scaling.LAWS[law].curve(X, np.array(TRUE[law])), 0.01, 0.99)
    hits = rng.binomial(100, p)
    residuals = scaling._deviance(p, hits / 100, 100)
    expected = 2 * (binom.logpmf(hits, 100, hits / 100) - binom.logpmf(hits, 100, p))
    np.testing.assert_allclose(residuals**2, expected, rtol=1e-6, atol=1e-8)


def test_aicc_of_a_line_by_hand():
    rng = np.random.default_rng(0)
    y = 0.1 + 0.03 * X + 0.01 * rng.standard_normal(len(X))
    found = scaling.fit(X, y, ["linear"], resamples=0)["linear"]
    slope, level = np.polyfit(X, y, 1)
    np.testing.assert_allclose(found.parameters, [level, slope], rtol=1e-5)
    n, k = len(X), 3
    expected = n * np.log(np.mean((y - level - slope * X) ** 2)) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    assert found.aicc == pytest.approx(expected, rel=1e-6)


def test_intervals_cover_the_truth():
    covered = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = np.repeat(X, 3)
        y = 0.1 + 0.03 * x + 0.02 * rng.standard_normal(len(x))
        found = scaling.fit(x, y, ["linear"], resamples=60, seed=seed)["linear"]
        covered += found.low[1] <= 0.03 <= found.high[1]
    assert covered >= 16


def test_the_window_is_the_papers():
    heads, accuracy = np.array([1, 6, 11, 16, 21, 26, 31]), np.array([0.130, 0.324, 0.506, 0.685, 0.861, 0.963, 0.997])
    assert scaling.before_saturation(accuracy) == slice(0, 6)
    assert scaling.before_saturation(accuracy[:4]) == slice(0, 4)
    found = scaling.fit(heads, accuracy, ["linear"], window=0.95, resamples=0)
    assert found.used == 6
    assert found["linear"].parameters[1] == pytest.approx(np.polyfit(heads[:6], accuracy[:6], 1)[0], rel=1e-5)


def test_doubt_is_said_and_certainty_is_not():
    rng = np.random.default_rng(0)
    with pytest.warns(scaling.ScalingWarning, match="5 points cannot tell"):
        scaling.fit(X[:5], 0.1 + 0.03 * X[:5] + 0.05 * rng.standard_normal(5), ["linear", "power"], resamples=0)
    with warnings.catch_warnings(action="error"):
        found = scaling.fit(X, 0.01 * X**1.7 + 1e-4 * rng.standard_normal(len(X)), ["linear", "power"], resamples=0)
    assert (found.best, found.close) == ("power", ())
    assert sum(one.weight for one in found.fits) == pytest.approx(1)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([1, 2], [1.0], {}, "as many y as x"),
        ([0, 1, 2, 3], [1.0] * 4, {}, "positive x"),
        ([1, 2, 3, 4], [1.0, np.nan, 1, 1], {}, "finite"),
        ([1, 2, 3, 4], [0.5, 1.5, 0.5, 0.5], {"trials": 10}, "shares in"),
        ([1, 2], [0.1, 0.2], {}, "too few"),
        ([1, 2, 3, 4], [0.1] * 4, {"laws": ["lineer"]}, "did you mean 'linear'"),
    ],
)
def test_points_that_cannot_be_fitted(x, y, options, message):
    with pytest.raises(InputError, match=message):
        scaling.fit(x, y, **options)
