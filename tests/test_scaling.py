"""Scaling laws: planted laws come back, intervals cover, the comparison is the textbook's, and doubt is said."""

import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, f_oneway, linregress, t

from attncap import scaling
from attncap.errors import InputError
from attncap.scaling import comparison, deviations, estimate, points

X = np.arange(1.0, 25.0, 2)
TRUE = {
    "linear": [0.1, 0.03],
    "square": [0.001, 0.1],
    "cube": [0.00005, 0.1],
    "quadratic": [0.05, 0.02, 0.0005],
    "cubic": [0.05, 0.03, -0.002, 0.00008],
    "power": [0.1, 0.6],
    "saturating": [0.9, 0.08],
}
quiet = pytest.mark.filterwarnings("ignore::attncap.scaling.ScalingWarning")


def curve(law, x):
    return scaling.LAWS[law].curve(x, np.array(TRUE[law]))


@pytest.mark.parametrize("law", scaling.LAWS)
@pytest.mark.parametrize("options", [{}, {"errors": "relative"}, {"trials": 2500}], ids=str)
def test_planted_laws_come_back(law, options):
    found = scaling.fit(X, curve(law, X), [law], **options)
    np.testing.assert_allclose(found[law].parameters, TRUE[law], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found[law](X), curve(law, X), atol=1e-5)


@quiet
@pytest.mark.parametrize("law", ["linear", "square", "cube", "quadratic", "power", "saturating"])
def test_of_laws_that_fit_exactly_the_one_of_fewest_parameters_is_best(law):
    assert scaling.fit(X, curve(law, X)).best == law
    assert scaling.fit(X, 0.0 * X, ["quadratic", "linear", "power"]).best == "linear"


@pytest.mark.parametrize("law", scaling.LAWS.values(), ids=lambda law: law.name)
def test_a_law_is_inside_the_larger_ones(law):
    for name in law.inside:
        y = curve(law.name, X)
        assert scaling.LAWS[name].parameters > law.parameters
        np.testing.assert_allclose(scaling.fit(X, y, [name])[name](X), y, atol=1e-8)


@given(seed=st.integers(0, 10**6), law=st.sampled_from(["linear", "power"]))
@settings(max_examples=15, deadline=None)
def test_the_likelihood_is_the_binomial_one(seed, law):
    rng = np.random.default_rng(seed)
    p = np.clip(curve(law, X), 0.01, 0.99)
    hits = rng.binomial(100, p)
    expected = 2 * (binom.logpmf(hits, 100, hits / 100) - binom.logpmf(hits, 100, p))
    np.testing.assert_allclose(deviations.shares(100.0).residuals(p, hits / 100) ** 2, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "model", [deviations.ABSOLUTE, deviations.RELATIVE, deviations.shares(50.0)], ids=lambda m: m.name
)
def test_the_weight_is_the_squared_slope_of_a_residual(model):
    y = np.linspace(0.2, 0.8, 7)
    slope = (model.residuals(y + 1e-4, y) - model.residuals(y - 1e-4, y)) / 2e-4
    np.testing.assert_allclose(model.weight(y), slope**2, rtol=1e-3)


@pytest.mark.parametrize("law", scaling.LAWS)
def test_the_jacobian_is_that_of_finite_differences(law):
    p = np.array(TRUE[law])
    steps = 1e-6 * np.diag(np.maximum(np.abs(p), 1e-3))
    draw = scaling.LAWS[law].curve
    expected = np.stack([(draw(X, p + h) - draw(X, p - h)) / (2 * h.sum()) for h in steps], axis=1)
    np.testing.assert_allclose(estimate.jacobian(scaling.LAWS[law], X, p), expected, rtol=1e-5, atol=1e-7)


def test_a_line_by_hand():
    """Parameters, t limits and AICc of the mean at each x, against SciPy and the formulas."""
    rng = np.random.default_rng(0)
    x = np.repeat(X, 3)
    y = 0.1 + 0.03 * x + 0.01 * rng.standard_normal(len(x))
    means = y.reshape(-1, 3).mean(axis=1)
    found = scaling.fit(x, y, ["linear"], level=0.9)["linear"]
    line = linregress(X, means)
    np.testing.assert_allclose(found.parameters, [line.intercept, line.slope], rtol=1e-5)
    half = t.ppf(0.95, len(X) - 2) * np.array([line.intercept_stderr, line.stderr])
    np.testing.assert_allclose(found.high, np.array([line.intercept, line.slope]) + half, rtol=1e-5)
    np.testing.assert_allclose(found.low, np.array([line.intercept, line.slope]) - half, rtol=1e-5)
    n, k = len(X), 3
    squares = np.mean((means - line.intercept - line.slope * X) ** 2)
    assert found.aicc == pytest.approx(n * np.log(squares) + 2 * k + 2 * k * (k + 1) / (n - k - 1), rel=1e-6)


@quiet
@pytest.mark.parametrize("options", [{}, {"errors": "relative"}, {"trials": 300}], ids=str)
def test_akaike_weights_are_the_relative_likelihoods(options):
    y = np.random.default_rng(1).binomial(300, np.clip(curve("saturating", X), 0.01, 0.99)) / 300
    fits = scaling.fit(X, y, **options).fits
    likelihood = np.exp([-one.aicc / 2 + fits[0].aicc / 2 for one in fits])
    np.testing.assert_allclose([one.weight for one in fits], likelihood / likelihood.sum(), rtol=1e-9)
    assert len({round(one.weight, 3) for one in fits}) > 2


def test_relative_errors_are_a_line_of_logarithms():
    rng = np.random.default_rng(0)
    y = 0.1 * X**1.5 * np.exp(0.2 * rng.standard_normal(len(X)))
    found = scaling.fit(X, y, ["power"], errors="relative")["power"]
    line = linregress(np.log(X), np.log(y))
    half = t.ppf(0.975, len(X) - 2) * line.stderr
    np.testing.assert_allclose(found.parameters, [np.exp(line.intercept), line.slope], rtol=1e-4)
    np.testing.assert_allclose([found.low[1], found.high[1]], [line.slope - half, line.slope + half], rtol=1e-4)


def test_errors_of_the_other_kind_are_said():
    rng = np.random.default_rng(0)
    y = 0.1 * X**1.5
    with pytest.warns(scaling.ScalingWarning, match="errors look relative: errors='relative' lowers"):
        scaling.fit(X, y * np.exp(0.2 * rng.standard_normal(len(X))), ["power"])
    with pytest.warns(scaling.ScalingWarning, match="errors look absolute"):
        scaling.fit(X, np.abs(y + 0.3 * rng.standard_normal(len(X))), ["power"], errors="relative")
    with warnings.catch_warnings(action="error"):
        scaling.fit(X, y, ["power"])


SETTINGS = {
    "4 points": (np.linspace(1, 22, 4), 1),
    "6 points": (np.linspace(1, 26, 6), 1),
    "11 points": (np.arange(1.0, 23, 2), 1),
    "11 x 5": (np.arange(1.0, 23, 2), 5),
}


def coverage(places, repetitions, law, kind, replications):
    """Return the share of nominal 95 % intervals that hold each true parameter.

    Repetitions share a deviation of their x, twice as large as their own.
    """
    x = np.repeat(places, repetitions)
    covered = np.zeros(len(TRUE[law]))
    for seed in range(replications):
        rng = np.random.default_rng([seed, len(x)])
        error = np.repeat(rng.standard_normal(len(places)), repetitions)
        if repetitions > 1:
            error = error + rng.standard_normal(len(x)) / 2
        y, options = curve(law, x) + 0.02 * error, {}
        if kind == "relative":
            y, options = curve(law, x) * np.exp(0.05 * error), {"errors": "relative"}
        elif kind == "shares":
            y, options = rng.binomial(400, curve(law, x)) / 400, {"trials": 400}
        found = scaling.fit(x, y, [law], **options)[law]
        covered += (np.array(found.low) <= TRUE[law]) & (TRUE[law] <= np.array(found.high))
    return covered / replications


@quiet
@pytest.mark.parametrize("setting", SETTINGS)
def test_intervals_cover_the_truth(setting):
    # Of 40 intervals that cover with probability .95, fewer than 33 cover once in five hundred draws.
    assert coverage(*SETTINGS[setting], "linear", "absolute", 40).min() >= 33 / 40


@pytest.mark.slow
@quiet
@pytest.mark.parametrize("kind", ["absolute", "relative", "shares"])
@pytest.mark.parametrize("law", ["linear", "power", "saturating"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_intervals_cover_as_often_as_they_say(setting, law, kind):
    covered = coverage(*SETTINGS[setting], law, kind, 200)
    assert covered.min() >= 0.90
    assert covered.max() <= 0.99


@quiet
def test_intervals_of_resampled_places_cover_too():
    covered = 0
    for seed in range(20):
        y = 0.1 + 0.03 * X + 0.02 * np.random.default_rng(seed).standard_normal(len(X))
        found = scaling.fit(X, y, ["linear"], resamples=40, seed=seed)["linear"]
        covered += found.low[1] <= 0.03 <= found.high[1]
    assert covered >= 16
    few = [scaling.fit(X[:5], y[:5], ["linear"], resamples=n).fits[0].low for n in (0, 40)]
    assert few[0] == few[1]


def chosen(x, kind, replications):
    """Return how often a true 2 - x + x^2 with 5 % noise is best or close."""
    found = 0
    for seed in range(replications):
        rng = np.random.default_rng([seed, len(x)])
        error, truth = 0.05 * rng.standard_normal(len(x)), 2 - x + x**2
        result = scaling.fit(x, truth * (1 + error) if kind == "of the value" else truth + truth.mean() * error)
        found += "quadratic" in (result.best, *result.close)
    return found / replications


@quiet
def test_a_true_quadratic_is_among_the_laws():
    assert chosen(np.arange(1.0, 9), "of the value", 12) >= 0.75


@pytest.mark.slow
@quiet
@pytest.mark.parametrize("kind", ["of the value", "of the mean"])
@pytest.mark.parametrize("count", [8, 11, 16])
def test_a_true_quadratic_is_best_or_close_nine_times_in_ten(count, kind):
    assert chosen(np.arange(1.0, count + 1), kind, 200) >= 0.9


def test_few_points_choose_nothing():
    with pytest.warns(scaling.ScalingWarning, match="4 different x are too few points to choose a law; 8 are needed"):
        found = scaling.fit([1, 2, 3, 4], [1, 4, 9, 16])
    assert found.best is None
    assert set(found.close[:3]) == {"square", "power", "quadratic"}
    assert {one.law for one in found.fits if one.rmse > 0.1} == {"linear", "cube", "saturating"}
    with warnings.catch_warnings(action="error"):
        assert scaling.fit([1, 2, 3, 4], [1, 4, 9, 16], ["square"]).best == "square"


def test_lack_of_fit_is_the_f_test_against_repetitions():
    """A constant has no law here; a line through two places' ends leaves what one-way analysis of variance finds."""
    rng = np.random.default_rng(0)
    x = np.repeat([1.0, 2.0, 3.0], 6)
    y = 1 + 0.1 * rng.standard_normal(18)
    slope = np.polyfit(x, y, 1)[0]
    level = y - slope * x
    groups = level.reshape(3, 6)
    found = scaling.fit(x, y, ["linear"])["linear"]
    # The means keep one degree of freedom of the two between three groups.
    expected = f_oneway(*groups).statistic * 2
    pure = ((groups - groups.mean(axis=1, keepdims=True)) ** 2).sum() / 15
    assert found.lack_of_fit == pytest.approx(comparison.f.sf(expected, 1, 15), rel=1e-6)
    assert pure > 0
    assert scaling.fit([1.0, 2, 3], [1.0, 2, 4], ["linear"])["linear"].lack_of_fit is None


@quiet
def test_lack_of_fit_rejects_wrong_laws_and_not_the_right_one():
    rng = np.random.default_rng(1)
    x = np.repeat(X, 4)
    found = scaling.fit(x, 0.1 + 0.001 * x**2 + 0.01 * rng.standard_normal(len(x)), ["linear", "square"])
    assert found["linear"].lack_of_fit < 1e-6
    assert found["square"].lack_of_fit > 0.01


def test_the_nested_test_is_the_textbooks():
    rng = np.random.default_rng(0)
    y = 0.1 + 0.03 * X + 0.05 * rng.standard_normal(len(X))
    squares = [float(np.sum((np.polyval(np.polyfit(X, y, degree), X) - y) ** 2)) for degree in (1, 2)]
    statistic = (squares[0] - squares[1]) / (squares[1] / (len(X) - 3))
    laws = [scaling.LAWS[name] for name in ("linear", "quadratic")]
    means = points.levels(X, y)
    found = {law.name: estimate.estimate(law, means, deviations.ABSOLUTE) for law in laws}
    p = comparison.nested(*laws, found, means, deviations.ABSOLUTE)
    assert p == pytest.approx(comparison.f.sf(statistic, 1, len(X) - 3), rel=1e-5)


def test_the_window_is_the_papers():
    heads, accuracy = np.array([1, 6, 11, 16, 21, 26, 31]), np.array([0.130, 0.324, 0.506, 0.685, 0.861, 0.963, 0.997])
    assert scaling.before_saturation(accuracy) == slice(0, 6)
    assert scaling.before_saturation(accuracy[:4]) == slice(0, 4)
    found = scaling.fit(heads, accuracy, ["linear"], window=0.95)
    assert found.used == 6
    assert found["linear"].parameters[1] == pytest.approx(np.polyfit(heads[:6], accuracy[:6], 1)[0], rel=1e-5)


def test_doubt_is_said_and_certainty_is_not():
    rng = np.random.default_rng(0)
    with pytest.warns(scaling.ScalingWarning, match="12 points cannot tell"):
        scaling.fit(X, 0.1 + 0.03 * X + 0.05 * rng.standard_normal(len(X)), ["linear", "power"])
    with warnings.catch_warnings(action="error"):
        found = scaling.fit(X, 0.01 * X**1.7 + 1e-4 * rng.standard_normal(len(X)), ["linear", "power"])
    assert (found.best, found.close) == ("power", ())


@quiet
def test_what_the_points_do_not_bound_is_said():
    found = scaling.fit(X, 1 + 0.01 * np.random.default_rng(0).standard_normal(len(X)), ["saturating"])["saturating"]
    assert found.parameters[0] == pytest.approx(1, abs=0.02)
    assert found.low[1] < -1e6
    assert found.high[1] > 1e6
    law, theta = scaling.LAWS["saturating"], np.array([1.0, 1e4])
    spread = estimate.spread(law, theta, points.levels(X, 1 + 0.01 * np.cos(X)), deviations.ABSOLUTE)
    np.testing.assert_array_equal(spread, np.inf)


@given(scale=st.floats(-12, 12), unit=st.floats(-12, 12))
@example(scale=12.0, unit=-12.0)
@settings(max_examples=6, deadline=None)
def test_units_change_nothing_but_the_parameters(scale, unit):
    rng = np.random.default_rng(0)
    y = 0.1 + 0.03 * X + 0.02 * rng.standard_normal(len(X))
    with warnings.catch_warnings(action="ignore", category=scaling.ScalingWarning):
        one = scaling.fit(X, y, ["linear", "square", "power"])
        other = scaling.fit(X * 10.0**scale, y * 10.0**unit, ["linear", "square", "power"])
    assert (one.best, one.close) == (other.best, other.close)
    slope = one["linear"]
    factor = 10.0 ** (unit - scale)
    assert other["linear"].low[1] == pytest.approx(slope.low[1] * factor, rel=1e-3)
    assert other["power"].high[1] == pytest.approx(one["power"].high[1], rel=1e-3)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([1, 2], [1.0], {}, "as many y as x"),
        ([0, 1, 2, 3], [1.0] * 4, {}, "positive x"),
        ([1, 2, 3, 4], [1.0, np.nan, 1, 1], {}, "finite"),
        ([1, 2, 3, 1e300], [1.0] * 4, {}, "got x from 1 to 1e[+]300"),
        ([1e-300, 2, 3, 4], [1.0] * 4, {}, "got x from 1e-300"),
        ([1, 2, 3, 4], [0.5, 1.5, 0.5, 0.5], {"trials": 10}, "shares in"),
        ([1, 2], [0.1, 0.2], {}, "too few"),
        ([1, 2, 3, 4], [0.1] * 4, {"laws": ["lineer"]}, "did you mean 'linear'"),
        (
            [1, 2, 3, 4],
            [0.1, -0.1, 0.1, 0.1],
            {"errors": "relative"},
            "y: expected positive values for relative errors, got -0.1",
        ),
        *(
            ([1, 2, 3, 4], [0.1] * 4, {option: value}, f"^{option}: expected")
            for option, values in {
                "trials": [0, -5, np.nan],
                "window": [np.nan, 0, -1],
                "resamples": [-1],
                "level": [0, 1, 2, -0.5, np.nan],
                "seed": [-1],
            }.items()
            for value in values
        ),
    ],
)
def test_points_and_options_that_cannot_be_used(x, y, options, message):
    with pytest.raises(InputError, match=message):
        scaling.fit(x, y, **options)
