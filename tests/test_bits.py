"""Bits as a code length: what holds them, what does not, and the search for the best code."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, xlog1py, xlogy
from scipy.stats import binom

from attncap import measure
from attncap.construct import theorem
from attncap.measure.code_length import Code, pieces_of
from attncap.measure.mixture import best_mixture, saved
from attncap.tasks import associations, random_associations
from attncap.tasks.prior import expected_surprisal, sequential_surprisal
from benchmarks.nothing import DRAWS, MANY, counted, exceedances, shapes

from .test_models import random_model


def task_of(answers, N, relations=None, surprisal=None):
    """A task with these answers; of facts, where there are relations."""
    T = len(answers)
    if relations is None:
        sequences = np.stack(np.divmod(np.arange(T), 1000), axis=1)
        return associations(sequences, answers, max(N, 1000), surprisal=np.full(T, np.log2(N)), kind="random")
    return associations(np.stack([relations, np.arange(T)], axis=1), answers, max(N, T), kind="facts")


def code(logits, task):
    return Code(pieces_of(logits), task)


def log_ratios(logits, task, scale):
    own = log_softmax(scale * logits, axis=1)[np.arange(len(logits)), task.answers]
    return own + np.log(2) * task.surprisal_by_order


def by_search(logits, task, scales):
    """The definition, by a general optimizer over the mixture at each of many scales."""
    best = 0.0
    for scale in scales:
        ratio = np.exp(log_ratios(logits, task, scale))

        def loss(odds, ratio=ratio):
            mixture = 1 / (1 + np.exp(-odds))
            return -np.log2((1 - mixture) * ratio + mixture).sum() / len(ratio)

        best = max(best, -minimize_scalar(loss, bounds=(-30, 30), method="bounded").fun)
    return best


def some_logits(rng, kind, T, N):
    """Logits of many shapes: Gaussian, tailed, of mixed scales, rounded to ties, answers known in part."""
    logits = rng.standard_normal((T, N))
    if kind == "tailed":
        logits = logits * np.exp(2 * rng.standard_normal((T, 1)))
    elif kind == "two scales":
        logits = logits * np.where(rng.random((T, 1)) < 0.5, 1e-3, 1e2)
    elif kind == "ties":
        logits = np.round(logits)
    elif kind == "one wide row":
        logits[0] *= 1e6
    return logits


KINDS = ("gaussian", "tailed", "two scales", "ties", "one wide row")


def partly_known(rng, kind, facts=False):
    T, N = int(rng.integers(5, 60)), int(rng.integers(2, 30))
    logits = some_logits(rng, kind, T, N)
    answers = np.where(rng.random(T) < rng.random(), logits.argmax(axis=1), rng.integers(N, size=T))
    size = 1000 if not facts else max(N, T)
    task = task_of(answers, N, rng.integers(3, size=T) if facts else None)
    full = np.full((T, size), -np.inf)
    full[:, :N] = logits
    return full, task


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("facts", [False, True])
def test_the_search_finds_what_a_dense_one_finds(kind, facts):
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(1 if facts else 2):
        logits, task = partly_known(rng, kind, facts)
        finite = logits[:, np.isfinite(logits[0])]
        gaps = -np.diff(-np.sort(-finite, axis=1)[:, :2], axis=1)
        dense = by_search(
            finite, task, np.geomspace(1e-3 / np.ptp(finite, axis=1).max(), 60 / gaps[gaps > 0].min(), 400)
        )
        assert code(logits, task).best[0] >= 0.999 * dense - 1e-9


def at_least_the_plain_code(count):
    rng = np.random.default_rng(0)
    for index in range(count):
        T, N = int(rng.integers(1, 30)), int(rng.integers(2, 12))
        logits = 10 ** rng.uniform(-2, 2) * some_logits(rng, KINDS[index % len(KINDS)], T, N)
        task = task_of(rng.integers(N, size=T), N)
        if index % 2:
            task = task_of(np.where(rng.random(T) < 0.7, logits.argmax(axis=1), task.answers), N)
        assert code(logits, task).best[0] >= log_ratios(logits, task, 1.0).sum() / np.log(2) - 1e-9


def test_bits_are_at_least_the_plain_code_at_the_models_own_temperature():
    at_least_the_plain_code(100)


@pytest.mark.slow
def test_bits_are_at_least_the_plain_code_on_a_thousand_logits():
    at_least_the_plain_code(1000)


@given(seed=st.integers(0, 10**6), facts=st.booleans(), kind=st.sampled_from(KINDS))
@settings(max_examples=20, deadline=None)
def test_what_only_the_largest_logits_save_is_no_more_than_all_of_them(seed, facts, kind):
    logits, task = partly_known(np.random.default_rng(seed), kind, facts)
    found = code(logits, task)
    assert 0 <= found.hard <= found.best[0] + 1e-9 <= task.bits + 2e-9
    assert found.evidence <= found.best[0] + 1e-2 * abs(found.best[0]) + 1e-9


@given(T=st.integers(1, 400), N=st.integers(2, 60), share=st.floats(0, 1))
@settings(max_examples=60)
def test_hard_bits_are_fanos_up_to_chance_and_none_below(T, N, share):
    right = int(share * T)
    answers = np.zeros(T, dtype=int)
    logits = np.zeros((T, N))
    logits[np.arange(T), np.where(np.arange(T) < right, 0, 1)] = 1.0
    error = 1 - right / T
    entropy = -(xlogy(error, error) + xlog1py(1 - error, -error)) / np.log(2)
    fano = T * (np.log2(N) - entropy - error * np.log2(max(N - 1, 1)))
    assert code(logits, task_of(answers, N)).hard == pytest.approx(fano if error <= 1 - 1 / N else 0.0, abs=1e-6)


@given(seed=st.integers(0, 10**6), members=st.integers(1, 4))
@settings(max_examples=30)
def test_the_best_mixture_is_the_best(seed, members):
    rng = np.random.default_rng(seed)
    ratio = 3 * rng.standard_normal((members, 30)) + rng.normal()
    ratio[rng.random(ratio.shape) < 0.1] = -np.inf
    weight = rng.integers(3, size=30).astype(float)
    bits, mixture = best_mixture(ratio, weight)
    np.testing.assert_allclose(saved(ratio, np.maximum(mixture, 1e-18), weight), bits, atol=1e-6)
    for each in (*np.linspace(1e-9, 1, 40), 1e-4, 1e-6):
        assert (saved(ratio, np.full(members, each), weight) <= bits + 1e-9 * (1 + bits)).all()


def test_the_best_mixture_compiles():
    import jax
    import jax.numpy as jnp

    ratio, weight = np.random.default_rng(0).normal(1.0, 2.0, (3, 50)), np.ones(50)
    bits, mixture = best_mixture(ratio, weight)
    found = jax.jit(best_mixture)(jnp.asarray(ratio, jnp.float32), jnp.asarray(weight, jnp.float32))
    np.testing.assert_allclose(found[0], bits, rtol=1e-4)
    np.testing.assert_allclose(found[1], mixture, rtol=1e-2)


@pytest.mark.parametrize("answers", [[0, 1, 2, 3], [0, 0, 1, 2], [0, 0, 1, 1, 1], [2, 2, 2]])
def test_the_code_without_replacement_is_a_code(answers):
    r"""E[2^bits] <= 1 exactly, over all permutations of the answers, for every fixed code."""
    rng, T = np.random.default_rng(0), len(answers)
    logits = 3 * rng.standard_normal((T, 4))
    orders = sorted(set(permutations(answers)))
    tasks = [task_of(np.array(order), 4, np.zeros(T, dtype=int)) for order in orders]
    for scale in (0.0, 0.5, 3.0):
        for mixture in (1e-6, 0.1, 0.7, 1.0):
            ratios = np.stack([log_ratios(logits, task, scale).reshape(-1) for task in tasks])
            expected = np.mean(2 ** saved(ratios, np.full(len(tasks), mixture), np.full(ratios.shape[1], 1 / 64)))
            assert expected <= 1 + 1e-12


def test_evidence_is_a_test_of_chance_exactly():
    r"""Its exponential has a mean of at most one over all permutations; the plug-in histogram's has more."""
    rng, T = np.random.default_rng(1), 4
    logits = 4 * rng.standard_normal((T, T))
    values = [
        2 ** code(logits, task_of(np.array(order), T, np.zeros(T, dtype=int))).evidence
        for order in permutations(range(T))
    ]
    assert 0.05 < np.mean(values) <= 1 + 1e-9


def test_the_prior_sums_to_the_multinomial_in_every_order():
    rng = np.random.default_rng(0)
    groups, answers = rng.integers(4, size=60), rng.integers(5, size=60)
    from scipy.special import gammaln

    bits = sum(
        gammaln(1 + n) / np.log(2) * sign
        for g in range(4)
        for n, sign in [((groups == g).sum(), 1), *((((groups == g) & (answers == v)).sum(), -1) for v in range(5))]
    )
    found = sequential_surprisal(groups, answers)
    np.testing.assert_allclose(found.sum(axis=1), bits)
    assert expected_surprisal(groups, answers).sum() == pytest.approx(bits)
    many = sequential_surprisal(groups, answers, orders=4000, seed=1)
    np.testing.assert_allclose(many.mean(axis=0), expected_surprisal(groups, answers), atol=0.12)
    assert np.array_equal(found, sequential_surprisal(groups, answers))


def hold_nothing(shapes, count):
    for shape in shapes:
        for bits, evidence in np.moveaxis(counted(shape, count), 0, -1):
            # A fitted code is no test: E[2^bits] is a few, so one draw in a few hundred exceeds log2 T at T = 1000.
            if (T := shape[2]) >= MANY:
                assert (bits >= np.log2(T)).sum() <= binom.ppf(0.999, count, 4 / T), shape
            reached, most = exceedances(evidence)
            assert (reached <= most).all(), shape


def test_models_that_know_nothing_hold_nothing():
    hold_nothing([(2, 12, 1000), (10, 3, 200), (50, 2, 20)], 10)


@pytest.mark.slow
def test_models_that_know_nothing_hold_nothing_in_every_shape():
    hold_nothing(shapes(), DRAWS)


@pytest.mark.parametrize("kind", ["random", "facts"])
def test_exact_recall_holds_the_task(kind):
    drawn = random_associations(10, 3, 100, seed=1)
    task = associations(drawn.sequences, drawn.answers, 10, kind=kind)
    model = theorem(task, embedding_dim=6).model
    found = measure.memorized(model, task)
    assert found.bits == found.bits_hard == measure.bits(model, task) == task.bits
    assert task.bits - 10 <= found.evidence <= task.bits
    # The search alone finds it too.
    assert Code(lambda: model.logits(task.sequences), task).best[0] == pytest.approx(task.bits, rel=1e-12)


def test_pieces_do_not_change_the_bits(monkeypatch):
    model, task = random_model(seed=5), random_associations(7, 3, 100, seed=5)
    model = theorem(task.subset(slice(0, 60)), embedding_dim=5).model
    whole = measure.memorized(model, task)
    monkeypatch.setattr("attncap.measure.code_length.BUDGET", 0)
    monkeypatch.setattr("attncap.measure.code_length.chunks", lambda count, *_: [slice(i, i + 1) for i in range(count)])
    monkeypatch.setattr(
        "attncap.models.token_model.chunks", lambda count, size: [slice(i, i + 7) for i in range(0, count, 7)]
    )
    pieces = measure.memorized(model, task)
    assert whole.bits > 30
    np.testing.assert_allclose(list(pieces.to_dict().values()), list(whole.to_dict().values()), rtol=1e-6)


def test_a_subset_of_facts_knows_its_own_answers():
    drawn = random_associations(10, 3, 100, seed=1)
    task = associations(drawn.sequences, drawn.answers, 10, kind="facts")
    part = task.subset(np.arange(100) < 50)
    assert part.bits == pytest.approx(part.surprisal_by_order[0].sum())
    assert part.bits < task.bits
