"""Hermite data of activations, and the reader of expressions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from attncap.errors import InputError
from attncap.interpolation import NAMED, activation, softmax
from attncap.interpolation.activations import covariance, slope_at_infinity
from attncap.interpolation.expressions import parse

PUBLISHED = {
    "tanh": (0.6057055096, 0.3942944904),
    "relu": (0.5, 0.3408450569),
    "clipped-exp": (1.2017247290, 1.7533986073),
    "sign": (0.7978845608, 1.0),
    "cubic": (1.0, 1.25),
    "linear": (1.0, 1.0),
}
PLAIN = {
    "linear": lambda t: t,
    "tanh": math.tanh,
    "relu": lambda t: max(t, 0.0),
    "sign": lambda t: math.copysign(1, t),
    "clipped-exp": lambda t: min(math.exp(t), 5),
    "erf": math.erf,
    "gelu": lambda t: t * math.erfc(-t / math.sqrt(2)) / 2,
    "cubic": lambda t: t + 0.5 * (t**3 - 3 * t) / math.sqrt(6),
    "cos": math.cos,
}
SLOPES = {
    "linear": 1,
    "relu": 1,
    "gelu": 1,
    "tanh": 0,
    "sign": 0,
    "clipped-exp": 0,
    "erf": 0,
    "cos": 0,
    "cubic": np.inf,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_moments(name):
    found = activation(name)
    assert (found.a1, found.nu) == pytest.approx(PUBLISHED[name], abs=1e-10)


@pytest.mark.parametrize("name", NAMED)
def test_named_activations_against_scipy(name):
    found, bare = activation(name), PLAIN[name]

    def moment(weight):
        def integrand(t):
            return weight(t, bare(t) - found.mean) * math.exp(-t * t / 2) / math.sqrt(2 * math.pi)

        return integrate.quad(integrand, -14, 14, points=[0, np.log(5)], limit=400, epsabs=1e-13)[0]

    assert moment(lambda t, f: f) == pytest.approx(0, abs=1e-12)
    assert found.a1 == pytest.approx(moment(lambda t, f: t * f), abs=1e-11)
    assert found.nu == pytest.approx(moment(lambda t, f: f * f), abs=1e-11)
    assert found.a2 == pytest.approx(moment(lambda t, f: f * (t * t - 1) / np.sqrt(2)), abs=1e-11)
    assert found.diagonal_limit == pytest.approx(SLOPES[name], abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.floats(-3, 3))
def test_a_jump_is_found_where_nobody_said_it_is(place):
    found = activation(lambda t: np.sign(t - place))
    assert found.a1 == pytest.approx(2 * stats.norm.pdf(place), abs=1e-13)
    assert found.mean == pytest.approx(1 - 2 * stats.norm.cdf(place), abs=1e-13)
    given_kink = activation(lambda t: np.sign(t - place), kinks=[place])
    assert given_kink.a1 == pytest.approx(found.a1, abs=1e-13)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.01, 50), st.sampled_from(sorted(NAMED)))
def test_moments_scale_with_f(factor, name):
    one, many = activation(name), activation(f"{factor!r} * ({NAMED[name]})")
    assert many.a1 == pytest.approx(factor * one.a1, rel=1e-10, abs=1e-12)
    assert many.nu == pytest.approx(factor**2 * one.nu, rel=1e-10)


def test_covariance_of_two_heads():
    tanh, sign = activation("tanh"), activation("sign(t - 0.3)")
    sample = np.random.default_rng(0).standard_normal(2_000_000)
    measured = np.mean(tanh.function(sample) * sign.function(sample))
    assert covariance(tanh, sign) == pytest.approx(measured, abs=3e-3)
    assert covariance(softmax(0.5), softmax(1.0)) == pytest.approx(np.expm1(0.5), abs=1e-12)


def test_slopes_at_infinity():
    assert slope_at_infinity(lambda t: t / (1 + np.exp(-t))) == 1
    assert slope_at_infinity(parse("t*exp(t)/(1 + exp(t))")) == 1  # NaN beyond t = 709
    assert slope_at_infinity(np.exp) == np.inf
    assert np.isnan(slope_at_infinity(lambda t: t * np.sin(t)))
    assert slope_at_infinity(np.sqrt) == 0


@pytest.mark.parametrize(
    ("text", "slope"),
    [("log(1+exp(t))", 1), ("exp(t)/(1+exp(t))", 0), ("(exp(t)-exp(-t))/(exp(t)+exp(-t))", 0), ("exp(t)", np.inf)],
)
def test_a_slope_is_found_where_only_an_intermediate_overflows(text, slope):
    assert slope_at_infinity(parse(text)) == slope


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20))
def test_expressions_say_what_python_says(points):
    t = np.array(points)
    text = "max(t, -1) ** 3 + 0.1 * -t / 2 - (t if t >= 1 else abs(t)) * (t < 2) + exp(-t**2) * pi"
    expected = np.maximum(t, -1) ** 3 - 0.05 * t - np.where(t >= 1, t, abs(t)) * (t < 2) + np.exp(-(t**2)) * np.pi
    np.testing.assert_allclose(parse(text)(t), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("__import__('os').system('ls')", "cannot use"),
        ("__import__('os')", "no function '__import__'"),
        ("t.__class__", "cannot use"),
        ("(lambda: t)()", "cannot use"),
        ("[t for t in t]", "cannot use"),
        ("exp", "not known"),
        ("exp(t", "not a Python expression"),
        ("relu_", "did you mean 'relu'"),
        ("x + 1", "the variable is t"),
        ("max(t)", "takes 2"),
        ("tanh(t, t)", "takes 1"),
        ("log(t)", "f(-14) = nan"),
        ("9.0**9**9**9 * t", "inf"),
        ("exp(t**2/2)", "not finite"),
        ("1/t", "not finite"),
        ("1/(t - 0.3)", "piecewise smooth"),
        ("t" + "+t" * 400, "at most 500"),
        ("", "not a Python expression"),
        ("-" * 495 + "t", "not a Python expression"),
        ("True * t", "cannot use"),
        ("t @ t", "cannot use"),
    ],
)
def test_bad_expressions_are_one_line(text, says):
    with pytest.raises(InputError) as refused:
        activation(text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bad_functions():
    with pytest.raises(InputError, match="nan"):
        activation(lambda t: np.where(t > 1, np.nan, t))
    with pytest.raises(InputError, match="shape"):
        activation(lambda t: 1.0)
    with pytest.raises(InputError, match="beta: expected a number in"):
        softmax(1.6)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="piecewise smooth"):
        activation(lambda t: rng.standard_normal(t.shape))
