"""The limit of the interpolation error: reference values, exact identities, consistency."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import attncap as ac
from attncap.errors import InputError, UnmetError
from attncap.interpolation import Activation, Attention, Head, LimitWarning, error, linear_regression, predict, softmax
from attncap.interpolation.continuation import correct, descend
from attncap.interpolation.limit import quadratic_form
from attncap.interpolation.pencil import Gaussian, Pencil

# c, ridge, a1, nu, d, mu, w_K, w_Q -> E, y^T Q y/n
REFERENCE = [
    ((10, 1e-6, 0.6057055096, 0.3942944904, 0, [20**0.5], [0], [0]), (5.66598951e-05, 113.26925)),
    ((2, 1e3, 1.2, 1.75, 0, [2], [1], [1]), (0.698921616, 0.000831166674)),
    ((0.5, 1e-2, 0.6, 0.4, 0, [1, 0, 0], [0.6, 0.8, 0], [-0.5, 0.3, 0.9]), (0.292290946, 32.0804824)),
    ((1, 1e-4, 0.5, 1, -0.5, [1.5, 0, 0], [0, 2, 0], [0, 1, 2]), (0.015125975, 226.990831)),
]
# f, diagonal, c, rho, kappa, ridge -> E
TABLE = [
    ("linear", "full", 0.5, 0, 0, 1, 0.653129),
    ("linear", "full", 0.25, 4, 1, 1, 0.153395),
    ("linear", "zero", 2, 1, 0, 0.01, 0.0356569),
    ("tanh", "zero", 0.5, 1, 0, 1, 0.43182),
    ("tanh", "full", 0.5, 1, 1, 1, 0.400298),
    ("relu", "full", 0.5, 1, 0, 1, 0.345369),
    ("relu", "zero", 2, 0, 0, 0.01, 0.10732),
    ("clipped-exp", "zero", 2, 4, 0, 1, 0.120208),
    ("sign", "zero", 2, 1, 0, 1, 0.396669),
    ("cubic", "zero", 2, 0, 0, 0.01, 0.052418),
]


def limit(c, ridge, a1, nu, d, mu, key, query):
    """The limit for one head given by numbers: (E, y^T Q y/n)."""
    head = Head(Activation("given", a1=a1, nu=nu), np.outer(key, query).astype(float), float(d))
    value, lost = quadratic_form(
        Attention(((head,),)), np.asarray(mu, dtype=float), np.asarray(float(c)), np.asarray(float(ridge))
    )
    return float(lost), float(value)


@pytest.mark.parametrize(("setting", "expected"), REFERENCE)
def test_reference_values(setting, expected):
    assert limit(*setting) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("f", "diagonal", "c", "rho", "kappa", "ridge", "expected"), TABLE)
def test_reference_table(f, diagonal, c, rho, kappa, ridge, expected):
    found = error(f, ratio=c, ridge=ridge, snr=rho, alignment=kappa, diagonal=diagonal).theory
    assert f"{found:.6g}" == f"{expected:.6g}"


def test_reference_regression():
    found = linear_regression(ratio=[0.5, 2], ridge=1, snr=[1, 4])
    assert [f"{value:.6g}" for value in found] == ["0.388612", "0.0589887"]


@settings(deadline=None)
@given(c=st.floats(0.1, 10), ridge=st.floats(1e-6, 1e3), rho=st.floats(0, 20))
def test_regression_against_the_trace_of_its_resolvent(c, ridge, rho):
    """Independent: E_lin by numerical differentiation of y^T Q y/n from the Stieltjes root."""

    def value(g):
        m = brentq(lambda m: g * m * m + (g + c - 1) * m - 1, 0, 10 / min(g, 1e-3) + 10 / g, xtol=1e-300, rtol=1e-15)
        return m * (1 + m) / (1 + (1 + rho) * m)

    step = 1e-5
    derivative = (value(ridge * (1 + step)) - value(ridge * (1 - step))) / (2 * step * ridge)
    assert linear_regression(c, ridge, rho) == pytest.approx(-(ridge**2) * derivative, rel=2e-4, abs=1e-9)


vectors = st.lists(st.floats(-2, 2), min_size=3, max_size=3)


@st.composite
def problems(draw):
    """Random settings, among them the hard ones: c = 1, no noise, no linear part, w_Q.w_K = -1, w_K = w_Q."""
    c = draw(st.one_of(st.floats(-1, 1).map(lambda x: 10**x), st.just(1.0)))
    ridge = 10 ** draw(st.floats(-6, 3))
    a1 = draw(st.one_of(st.floats(-2, 2), st.just(0.0)))
    nu = a1**2 + draw(st.one_of(st.floats(0.01, 3), st.just(0.0)))
    if nu < 1e-3:
        nu = a1**2 + 0.3
    d = draw(st.one_of(st.just(0.0), st.just(a1), st.floats(-1, 1)))
    direction = np.array(draw(vectors))
    size = np.linalg.norm(direction)
    mu = direction / size * np.sqrt(draw(st.floats(0, 20))) if size > 1e-3 else np.zeros(3)
    key = np.array(draw(vectors))
    query = np.array(draw(vectors))
    kind = draw(st.sampled_from(["free", "same", "inverse"]))
    if kind == "same":
        query = key
    if kind == "inverse" and key @ key > 1e-2:
        query = -key / (key @ key)
    return c, ridge, a1, nu, d, mu, key, query


def tolerance(c, ridge):
    """Round-off near c = 1 at small ridge."""
    return 1e-5 if abs(c - 1) < 0.05 and ridge <= 1e-4 else 1e-7


def holds(problem, scale):
    c, ridge, a1, nu, d, mu, key, query = problem
    close = tolerance(c, ridge)
    lost = limit(*problem)[0]
    assert 0 <= lost <= 1 + 1e-12
    assert limit(c, 1.3 * ridge, *problem[2:])[0] >= lost * (1 - close)
    scaled = limit(c, ridge * scale**2, scale * a1, scale**2 * nu, scale * d, mu, key, query)[0]
    assert scaled == pytest.approx(lost, rel=close)
    identity = limit(c, ridge, 0.0, 0.0, 1.0, mu, key, query)[0]
    assert identity == pytest.approx(float(linear_regression(c, ridge, mu @ mu)), rel=close)
    blind = limit(c, ridge, 0.0, nu, 0.0, mu, key, query)[0]
    assert blind == pytest.approx(limit(c, ridge, 0.0, nu, 0.0, 0 * mu, 0 * key, 0 * query)[0], rel=close)


@settings(max_examples=15, deadline=None)
@given(problem=problems(), scale=st.floats(0.2, 5))
def test_identities(problem, scale):
    holds(problem, scale)


@pytest.mark.slow
@settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
@given(problem=problems(), scale=st.floats(0.2, 5))
def test_identities_in_two_thousand_draws(problem, scale):
    holds(problem, scale)


@settings(max_examples=8, deadline=None)
@given(c=st.floats(0.1, 0.9), rho=st.floats(0, 20), kappa=st.floats(-2, 2))
def test_linear_attention_interpolates_as_regression_does(c, rho, kappa):
    found = error("linear", ratio=c, ridge=1e-9, snr=rho, alignment=kappa, diagonal="full").theory
    assert found == pytest.approx((1 - c) / (1 + rho), rel=2e-3)


def test_a_curve_is_its_points_and_a_grid_its_curves():
    ridges, snrs, ratios = np.geomspace(1e-5, 1e2, 4), np.array([0.0, 5.0]), np.array([0.3, 1.0, 4.0])
    grid = error("relu", ratio=ratios[:, None, None], ridge=ridges[:, None], snr=snrs, alignment=0.7).theory
    assert grid.shape == (3, 4, 2)
    for i, j, k in np.ndindex(grid.shape):
        one = error("relu", ratio=ratios[i], ridge=ridges[j], snr=snrs[k], alignment=0.7).theory
        assert grid[i, j, k] == pytest.approx(one, rel=1e-7)


def test_a_fine_curve_is_smooth_and_monotone():
    curve = error("tanh", ratio=1.0, ridge=np.geomspace(1e-6, 1e3, 400), snr=1.0, alignment=1.0).theory
    steps = np.diff(np.log(curve))
    assert (steps > 0).all()
    assert np.abs(np.diff(steps)).max() < 2e-3


def test_marchenko_pastur_is_a_pencil():
    data = Gaussian(left={("u", "t"): 1.0}, right={("t", "u"): 1.0})
    pencil = Pencil(("u",), ("t",), {("t", "t"): -1.0}, (data,))
    c, z = 0.3, np.array([5.0, 0.5, 1e-3])
    traces = [float(state.trace[0]) for state in descend(pencil, np.array([c]), 1e5, c * z)]
    gram = (data := np.random.default_rng(0).standard_normal((300, 1000))).T @ data / 300
    eigenvalues = np.linalg.eigvalsh(gram)
    assert traces == pytest.approx([np.mean(1 / (eigenvalues + each)) for each in z], rel=1e-2)
    for trace, each in zip(traces, z, strict=True):  # m = 1/(z + 1/(1 + m/c))
        assert trace == pytest.approx(1 / (each + 1 / (1 + trace / c)), rel=1e-10)


def test_a_symmetric_gaussian_gives_the_semicircle():
    half = {("u", "u"): np.sqrt(0.5)}
    pencil = Pencil(("u",), (), {}, (Gaussian(half, half),))
    state = correct(pencil, pencil.weigh(np.array([1.0])), np.log([3.0]), np.zeros((1, 1)))
    assert state.trace[0] == pytest.approx((3 - np.sqrt(5)) / 2, rel=1e-12)


def test_a_lost_branch_is_said():
    nowhere = Pencil(("u",), (), {("u", "u"): -5.0}, (Gaussian({("u", "u"): 1.0}, {("u", "u"): 1.0}),))
    with pytest.raises(UnmetError, match="Dyson equation"):
        list(descend(nowhere, np.array([1.0]), 1e4, np.array([1e-3])))


def test_sum_of_heads_is_the_head_of_the_sum():
    setting = {"ratio": 0.7, "ridge": 0.03, "snr": 2.0, "alignment": 0.8, "diagonal": "full"}
    both = error(["tanh", "relu"], combine="sum", **setting).theory
    assert both == pytest.approx(error("tanh(t) + max(t, 0)", **setting).theory, rel=1e-9)


def test_equal_heads_concatenated_are_one_head_at_a_smaller_ridge():
    one = error("tanh", ratio=0.7, ridge=0.01, snr=1.0, alignment=0.5).theory
    assert error("tanh", heads=3, ratio=0.7, ridge=0.03, snr=1.0, alignment=0.5).theory == pytest.approx(one, rel=1e-7)


def test_order_of_heads_and_a_head_that_says_nothing():
    setting = {"ratio": 0.7, "ridge": 0.03, "snr": 1.0, "alignment": 0.5}
    first, second = (error(pair, **setting).theory for pair in (["tanh", "relu"], ["relu", "tanh"]))
    assert first == pytest.approx(second, rel=1e-8)
    silent = error(["tanh", "0*t"], **setting).theory
    assert silent == pytest.approx(error("tanh", **setting).theory, rel=1e-8)


def test_heads_with_different_weights():
    tanh, relu = ac.interpolation.activation("tanh"), ac.interpolation.activation("relu")
    along, across = np.diag([1.0, 0.0]), np.diag([0.0, 2.0])
    mean, c, ridge = np.array([1.0, 0.0]), np.asarray(0.5), np.asarray(0.1)
    useful = predict(Attention(((Head(tanh, along),), (Head(relu, across),))), mean, c, ridge)
    useless = predict(Attention(((Head(tanh, across),), (Head(relu, across),))), mean, c, ridge)
    assert 0 < useful < useless < 1


def test_softmax_reference():
    found = error(softmax(1.0), ratio=0.5, ridge=np.array([0.01, 1, 10])).theory
    np.testing.assert_allclose(found, [0.5005, 0.6412, 0.8178], atol=6e-5)


def test_result_becomes_json_row_and_table():
    result = error("tanh", ratio=0.5, ridge=[0.1, 1.0])
    assert {"theory", "linear_regression", "a1", "nu", "diagonal_limit", "simulated"} <= result.to_dict().keys()
    assert len(result.to_dict()["theory"]) == 2
    assert result.frame().shape == (2, 6)
    assert "theory" in str(error("tanh", ratio=0.5, ridge=0.1))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"ridge": 0.0}, "ridge: expected above 0"),
        ({"ridge": -1.0}, "ridge: expected above 0"),
        ({"ridge": float("nan")}, "ridge: expected above 0"),
        ({"ratio": 0.0}, "ratio: expected above 0"),
        ({"snr": -0.1}, "snr: expected at least 0"),
        ({"alignment": float("inf")}, "alignment: expected finite numbers"),
        ({"activations": "cubic", "diagonal": "full"}, "no finite limit"),
        ({"activations": "t*sin(t)", "diagonal": "full"}, "no finite limit"),
        ({"activations": softmax(0.5), "diagonal": "full"}, "no finite limit"),
        ({"diagonal": "some"}, "diagonal: expected zero, full or a number"),
        ({"activations": []}, "heads: expected at least one"),
        ({"combine": "mean"}, "one of concat, sum"),
        ({"activations": "relu", "positive": 0.3}, "a2 = 0.282"),
        ({"positive": 1.0}, "between 0 and 1"),
        ({"ridge": [0.1, 1.0], "ratio": [1.0, 2.0, 3.0]}, "must broadcast"),
    ],
)
def test_bad_input(arguments, says):
    with pytest.raises(InputError, match=says):
        error(**{"activations": "tanh", "ratio": 0.5, "ridge": 0.1, **arguments})


def test_warnings_of_slow_convergence():
    with pytest.warns(LimitWarning, match="beta = 1.2"):
        error(softmax(1.2), ratio=0.5, ridge=0.1)


def test_unbalanced_labels_are_fine_for_odd_f():
    assert error("tanh", ratio=0.5, ridge=0.1, positive=0.2).theory > 0
