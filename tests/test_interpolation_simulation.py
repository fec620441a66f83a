"""Simulation against brute force, and theory against simulation."""

import numpy as np
import pytest

from attncap.errors import InputError, UnmetError
from attncap.interpolation import LimitWarning, activation, error, linear_regression, simulate, softmax
from attncap.interpolation.heads import Attention, Head
from attncap.interpolation.regression import KEEP
from attncap.interpolation.simulate import attend, interpolation_error, labels
from attncap.numerics.memory import require

from .test_interpolation_activations import PLAIN

NO_SPIKE = np.zeros((1, 1))


def within(result, tokens, slack=5.0):
    """The rule of agreement: |mean - theory| < 3 sd/sqrt(draws) + 5/n."""
    seen = result.simulated
    return np.abs(seen.mean - result.theory) < 3 * np.asarray(seen.stderr) + slack / tokens


def brute_force(data, y, activations, diagonal, spike, ridge):
    """The definition, entry by entry: probe weights first, then the residual."""
    features, tokens = data.shape
    query_key = np.eye(features)
    query_key[: len(spike), : len(spike)] += spike
    stacked = []
    for f in activations:
        kernel = np.empty((tokens, tokens))
        for i in range(tokens):
            for j in range(tokens):
                kernel[i, j] = PLAIN[f.name](data[:, i] @ query_key @ data[:, j] / np.sqrt(features)) - f.mean
        kernel /= np.sqrt(features)
        if diagonal == "zero":
            np.fill_diagonal(kernel, 0)
        stacked.append(data @ kernel)
    output = np.concatenate(stacked)
    probe = np.linalg.solve(output @ output.T + tokens * ridge * np.eye(len(output)), output @ y)
    return np.mean((y - output.T @ probe) ** 2)


@pytest.mark.parametrize("features", [4, 40])
@pytest.mark.parametrize("diagonal", ["zero", "full"])
@pytest.mark.parametrize("names", [["tanh"], ["relu", "cubic"]])
def test_blocks_and_cholesky_against_the_definition(monkeypatch, features, diagonal, names):
    monkeypatch.setattr("attncap.interpolation.simulate.BLOCK", 7)
    rng = np.random.default_rng(1)
    data, y, spike = rng.standard_normal((features, 20)), labels(20), np.array([[0.5, 1.0], [-1.0, 2.0]])
    chosen = [activation(name) for name in names]
    attention = Attention(tuple((Head(each, spike, diagonal),) for each in chosen))
    found = interpolation_error(attend(attention, data, rng), y, np.array([0.01, 1.0]))
    expected = [brute_force(data, y, chosen, diagonal, spike, ridge) for ridge in (0.01, 1.0)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_softmax_attention_is_a_softmax():
    rng = np.random.default_rng(0)
    data = rng.standard_normal((5, 12))
    output = attend(Attention(((Head(softmax(0.7), NO_SPIKE),),)), data, rng)
    scores = 0.7 * data.T @ data / np.sqrt(5)
    np.fill_diagonal(scores, -np.inf)
    weights = np.exp(scores) / np.exp(scores).sum(axis=0)
    np.testing.assert_allclose(output, data @ weights * 12 / np.sqrt(5) / np.sqrt(12), rtol=1e-12)


def test_the_same_seed_gives_the_same_numbers_alone_and_in_a_grid():
    grid = error("tanh", ratio=[0.5, 2.0], ridge=[[0.1], [1.0]]).simulate(tokens=60, seeds=3, seed=5)
    alone = error("tanh", ratio=2.0, ridge=1.0).simulate(tokens=60, seeds=3, seed=5)
    assert grid.simulated.mean[1, 1] == pytest.approx(alone.simulated.mean, rel=1e-9)
    other = error("tanh", ratio=2.0, ridge=1.0).simulate(tokens=60, seeds=3, seed=6)
    assert other.simulated.mean != alone.simulated.mean


CASES = {
    "linear, full": {"activations": "linear", "diagonal": "full", "alignment": 1.0},
    "tanh": {"activations": "tanh", "alignment": 0.5},
    "relu, full": {"activations": "relu", "diagonal": "full"},
    "relu, a number": {"activations": "relu", "diagonal": -0.4},
    "cubic": {"activations": "cubic"},
    "two heads": {"activations": ["tanh", "relu"], "alignment": 1.0},
    "sum": {"activations": ["tanh", "cos"], "combine": "sum"},
    "random": {"activations": "relu", "random_scores": True, "alignment": 1.0},
    "three random": {"activations": "tanh", "heads": 3, "random_scores": True},
    "softmax": {"activations": softmax(0.5)},
    "softmax, random": {"activations": softmax(0.5), "heads": 2, "random_scores": True},
    "unbalanced, odd f": {"activations": "tanh", "positive": 0.25, "alignment": 1.0},
}


@pytest.mark.parametrize("name", CASES)
def test_theory_and_simulation_agree(name):
    result = error(ratio=0.5, ridge=np.array([0.03, 1.0]), snr=1.0, **CASES[name]).simulate(tokens=400, seeds=6)
    assert within(result, 400).all(), (result.theory, result.simulated)


@pytest.mark.slow
@pytest.mark.parametrize("kappa", [0.0, 1.0])
@pytest.mark.parametrize("snr", [0.0, 1.0])
@pytest.mark.parametrize("ratio", [0.25, 0.5, 2.0])
@pytest.mark.parametrize("f", ["linear", "tanh", "relu", "clipped-exp", "sign", "cubic"])
def test_agreement_at_a_thousand_tokens(f, ratio, snr, kappa):
    for diagonal in ("zero",) if f == "cubic" else ("zero", "full"):
        ridges = np.array([0.01, 1.0, 10.0])
        result = error(f, ratio=ratio, ridge=ridges, snr=snr, alignment=kappa, diagonal=diagonal)
        result = result.simulate(tokens=1000, seeds=12)
        assert within(result, 1000).all(), (diagonal, result.theory, result.simulated)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_agreement_of_heads_at_a_thousand_tokens(name):
    ridges = np.array([0.01, 1.0, 10.0])
    for ratio in (0.25, 2.0):
        result = error(ratio=ratio, ridge=ridges, snr=1.0, **CASES[name]).simulate(tokens=1000, seeds=12)
        assert within(result, 1000).all(), (result.theory, result.simulated)


def test_ridge_regression_is_attention_that_keeps_the_tokens():
    result = error(KEEP, diagonal=1.0, ratio=0.5, ridge=[0.1, 1.0], snr=1.0).simulate(tokens=400, seeds=6)
    np.testing.assert_allclose(result.theory, linear_regression(0.5, [0.1, 1.0], 1.0), rtol=1e-10)
    assert within(result, 400).all()


def test_memory_is_refused_before_it_is_taken(monkeypatch):
    monkeypatch.setattr(simulate, "require", lambda needed, what: require(1e9 * needed, what))
    with pytest.raises(UnmetError, match="GB"):
        error("tanh", ratio=0.5, ridge=1.0).simulate(tokens=1000, seeds=1)


def test_memory_estimate_grows_as_the_arrays_do():
    assert simulate.memory(2000, 1000) < simulate.memory(4000, 2000) < 5 * simulate.memory(2000, 1000)
    assert simulate.memory(2000, 1000, groups=3, random=True) > simulate.memory(2000, 1000)


@pytest.mark.parametrize(("tokens", "seeds"), [(1, 3), (10, 0)])
def test_too_few_tokens_or_draws(tokens, seeds):
    with pytest.raises(InputError, match="at least"):
        error("tanh", ratio=0.5, ridge=1.0).simulate(tokens=tokens, seeds=seeds)


def test_one_draw_has_no_spread():
    assert error("tanh", ratio=0.5, ridge=1.0).simulate(tokens=20, seeds=1).simulated.std == 0


def test_numbers_alone_cannot_be_simulated():
    from attncap.interpolation import Activation

    with pytest.raises(InputError, match="give a function"):
        error(Activation("given", a1=0.5, nu=1.0), ratio=0.5, ridge=1.0).simulate(tokens=20, seeds=1)


def test_equal_heads_at_a_small_ridge_are_warned_about():
    with pytest.warns(LimitWarning, match="same scores"):
        error("tanh", heads=2, ratio=0.5, ridge=1e-3).simulate(tokens=100, seeds=1)
