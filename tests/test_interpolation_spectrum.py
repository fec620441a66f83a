"""The resolvent's trace and the spectral density: closed forms, the other solver, and simulated eigenvalues."""

import numpy as np
import pytest

from attncap.errors import InputError
from attncap.interpolation import resolvent, spectral_density
from attncap.interpolation.limit import quadratic_form
from attncap.interpolation.regression import KEEP
from attncap.interpolation.spectrum import NOISE, assemble, eigenvalues


def marchenko_pastur(x, ratio, scale=1.0):
    """Density of the nonzero eigenvalues of X^T X scale/n, as a share of all n; X is p x n, p/n = ratio."""
    low, high = scale * (1 - ratio**0.5) ** 2, scale * (1 + ratio**0.5) ** 2
    return np.sqrt(np.maximum((high - x) * (x - low), 0)) / (2 * np.pi * x * scale)


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_regression_has_the_law_of_marchenko_and_pastur(ratio):
    x = np.linspace(0.01, 6.5, 40)
    found = spectral_density(KEEP, ratio=ratio, x=x, diagonal=1.0)
    np.testing.assert_allclose(found, marchenko_pastur(x, ratio), atol=1e-5)
    gamma = np.array([0.1, 1.0, 10.0])
    m = resolvent(KEEP, ratio=ratio, z=-gamma, diagonal=1.0)
    np.testing.assert_allclose(gamma * m**2 + (gamma + ratio - 1) * m, 1, rtol=1e-8)


def test_linear_attention_s_eigenvalues_are_cubes():
    """K = X^T X/p, so the eigenvalues are c s^3 of those s of X^T X/p."""
    ratio, s = 0.5, np.linspace(0.1, 6.0, 30)
    found = spectral_density("linear", ratio=ratio, x=ratio * s**3, diagonal="full")
    np.testing.assert_allclose(found * 3 * ratio * s**2, marchenko_pastur(s, ratio, 1 / ratio), atol=1e-5)


SETTINGS = [("tanh", {}, 0.5), ("relu", {"diagonal": "full"}, 0.5), ("sign", {}, 2.0)]


@pytest.mark.parametrize(("name", "setting", "ratio"), SETTINGS)
def test_eigenvalues_have_the_density(name, setting, ratio):
    """Kolmogorov's distance to one draw at n = 1000; measured .004 at n = 800."""
    tokens = 1000
    drawn = eigenvalues(assemble(name, spike=NOISE, **setting), round(ratio * tokens), tokens)
    x = np.linspace(0.03, 1, 100) ** 3 * 1.1 * drawn[-1]
    density = spectral_density(name, ratio=ratio, x=x, **setting)
    between = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    below = np.searchsorted(drawn, x) / tokens
    assert np.abs(below[0] + between - below).max() < 0.015
    assert below[0] + between[-1] == pytest.approx(1, abs=0.01)
    for z in (-0.1, 0.5 + 0.3j):
        assert resolvent(name, ratio=ratio, z=z, **setting) == pytest.approx(np.mean(1 / (drawn - z)), rel=0.02)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("tanh", {}), ("relu", {"diagonal": "full"}), ("cos", {"heads": 2, "random_scores": True})],
)
def test_on_the_negative_axis_it_is_what_the_error_is_read_from(name, setting):
    """Without a signal y^T Q y/n is tr Q/n; that solver never leaves the real axis."""
    ridge = np.array([1e-2, 1.0, 100.0])
    attention = assemble(name, spike=NOISE, **setting)
    expected = quadratic_form(attention, np.zeros(1), np.array(0.5), ridge)[0]
    np.testing.assert_allclose(resolvent(name, ratio=0.5, z=-ridge, **setting), expected, rtol=1e-7)


def test_the_transform_is_symmetric_and_of_a_probability():
    z = np.array([0.2 + 0.5j, -1 + 2j, 3 + 0.1j])
    above, below = (resolvent("tanh", ratio=0.5, z=each) for each in (z, z.conj()))
    np.testing.assert_allclose(below, above.conj())
    assert (above.imag > 0).all()
    far = -1e6 + 0j
    assert resolvent("tanh", ratio=0.5, z=far) * -far == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: resolvent("tanh", ratio=0.5, z=1.0), "half-line"),
        (lambda: resolvent("tanh", ratio=0.5, z=0j), "half-line"),
        (lambda: resolvent("tanh", ratio=0.0, z=-1.0), "ratio: expected above 0"),
        (lambda: spectral_density("tanh", ratio=0.5, x=0.0), "above 0"),
        (lambda: spectral_density("cubic", ratio=0.5, x=1.0, diagonal="full"), "use diagonal zero"),
    ],
)
def test_what_has_no_value_is_refused(call, says):
    with pytest.raises(InputError, match=says):
        call()
