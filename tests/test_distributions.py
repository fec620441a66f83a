"""Distributions: the encoder, its bounds, the weights, and input that is wrong."""

import json
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from attncap import archive, bounds, construct, measure, tasks
from attncap.commands.memorize import memorize
from attncap.commands.plan import plan as planned_for
from attncap.construct.distributions import lowrank
from attncap.construct.distributions.dana2025_theorem_1 import _orthonormal, theorem_constant
from attncap.data.tables import Table
from attncap.errors import InputError, UnmetError

from .command import run


def dirichlet(count, size, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(size), count)


def grid(side, seed=0):
    order = np.random.default_rng(seed).permutation(side * side)
    return np.stack(np.unravel_index(order, (side, side)), axis=1)


# --- the divergence, the derivatives


@given(st.integers(2, 8), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_divergence_is_nonnegative_and_zero_at_the_distribution_itself(size, seed):
    pi, other = dirichlet(5, size, seed), dirichlet(5, size, seed + 100)
    assert (measure.divergences(pi, np.log(other)) >= 0).all()
    # Of a distribution from itself it is rounding alone, and still not negative.
    own = measure.divergences(pi, np.log(pi) + 3.0)
    assert (own >= 0).all()
    np.testing.assert_allclose(own, 0, atol=1e-14)


def test_divergence_counts_a_probability_of_zero_as_nothing():
    assert measure.divergences(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]])) == pytest.approx(np.log(2))


def test_newton_finds_the_minimum_of_every_row():
    rng = np.random.default_rng(0)
    pi, w = dirichlet(20, 9), rng.standard_normal((9, 3))
    e, predicted = lowrank.newton(w, np.zeros((20, 3)), pi, steps=12)
    np.testing.assert_allclose(predicted, softmax(e @ w.T, axis=1), atol=1e-12)
    np.testing.assert_allclose((predicted - pi) @ w, 0, atol=1e-9)


def test_newton_does_not_depend_on_the_chunks(monkeypatch):
    pi, w = dirichlet(40, 9), np.random.default_rng(0).standard_normal((9, 3))
    whole = lowrank.newton(w, np.zeros((40, 3)), pi, steps=3)[0]
    monkeypatch.setattr(lowrank, "chunks", lambda count, each: (slice(i, i + 7) for i in range(0, count, 7)))
    np.testing.assert_allclose(lowrank.newton(w, np.zeros((40, 3)), pi, steps=3)[0], whole, atol=1e-12)


# --- the encoder


def test_encoder_reaches_the_reference_and_beats_the_svd():
    encoder = construct.encode(tasks.distributions(dirichlet(2500, 50)), 10, starts=1)
    assert encoder.kl == pytest.approx(0.29752, abs=1e-5)
    assert encoder.kl_svd == pytest.approx(0.36599, abs=1e-5)
    assert 0 < encoder.lower_bound < encoder.kl


@pytest.mark.parametrize("dim", [2, 4])
def test_few_distributions_over_many_tokens_cost_what_the_few_do(dim):
    task = tasks.distributions(dirichlet(5, 20_000))
    tracemalloc.start()
    encoder = construct.encode(task, dim, starts=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 * task.pi.nbytes  # 20,000 x 20,000 would be 4,000 times
    assert 0 <= encoder.lower_bound <= encoder.kl < encoder.kl_svd


@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_truncated_svd_and_the_bound_do_not_depend_on_which_side_is_smaller(count, size, dim, seed):
    rng = np.random.default_rng(seed)
    pi, weight = dirichlet(count, size, seed), rng.dirichlet(np.ones(count))
    w, e = lowrank.svd_start(pi, weight, dim)
    logits = np.log((1 - 1e-4) * pi + 1e-4 / size)
    logits -= logits.mean(axis=1, keepdims=True)
    u, s, v = np.linalg.svd(np.sqrt(weight)[:, None] * logits, full_matrices=False)
    np.testing.assert_allclose(np.sqrt(weight)[:, None] * (e @ w.T), (u[:, :dim] * s[:dim]) @ v[:dim], atol=1e-6)
    gradient = (1 / size - pi) * np.sqrt(weight / count)[:, None]
    steepest = np.sqrt((np.linalg.svd(gradient, compute_uv=False)[:dim] ** 2).sum())
    bound = construct.lower_bound(pi, weight, np.zeros_like(pi), dim, rho=0.1, iterations=1)[0]
    assert bound == pytest.approx(max(0.0, weight @ measure.divergences(pi, 0 * pi) - 0.1 * steepest), abs=1e-7)


def test_starts_agree_on_a_small_task():
    encoder = construct.encode(tasks.distributions(dirichlet(200, 12)), 3, starts=5)
    assert encoder.kl == min(encoder.starts)
    assert encoder.starts[0] - encoder.kl < 1e-4


@given(st.integers(1, 12), st.integers(2, 6), st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_divergence_vanishes_once_the_dimension_reaches_the_rank(count, size, seed):
    task = tasks.distributions(dirichlet(count, size, seed))
    assert construct.encode(task, size - 1).kl < 1e-10
    assert construct.encode(task, count).kl < 1e-10


def test_divergence_falls_as_the_dimension_grows():
    task = tasks.distributions(dirichlet(120, 10))
    reached = [construct.encode(task, d).kl for d in range(1, 10)]
    assert all(more > less for more, less in pairwise(reached))
    assert reached[-1] < 1e-10


@pytest.mark.parametrize("dim", [2, 5])
def test_deterministic_distributions_lie_on_the_circle(dim):
    task = tasks.distributions(np.eye(40)[np.random.default_rng(0).integers(40, size=100)])
    encoder = construct.encode(task, dim)
    assert task.notes == ("every distribution is deterministic: not smoothed",)
    assert encoder.kl < 1e-10
    assert np.linalg.matrix_rank(encoder.unembedding) == 2
    assert np.linalg.norm(encoder.unembedding, axis=1).min() >= 1e4


# A line has two ends: of three answers the one between shares the probability of an end.
@pytest.mark.parametrize(("answers", "kl"), [([0], 0), ([0, 0, 0], 0), ([0, 2], 0), ([0, 1, 2], np.log(2) / 3)])
def test_deterministic_distributions_on_a_line_are_descended_to(answers, kl):
    encoder = construct.encode(tasks.distributions(np.eye(4)[answers]), 1)
    assert encoder.kl == pytest.approx(kl, abs=1e-5)


def test_weights_change_what_is_best():
    pi = dirichlet(60, 8)
    weight = np.where(np.arange(60) < 5, 100.0, 1.0)
    heavy = construct.encode(tasks.distributions(pi, weight), 3)
    even = construct.encode(tasks.distributions(pi), 3)
    rows = slice(0, 5)
    assert (
        measure.divergences(pi[rows], heavy.logits[rows]).mean()
        < measure.divergences(pi[rows], even.logits[rows]).mean()
    )


def test_a_teacher_of_the_same_rank_is_found():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((300, 4)) @ rng.standard_normal((4, 20))
    assert construct.encode(tasks.distributions(softmax(logits, axis=1)), 4).kl < 1e-6


def test_single_precision_descent_agrees_with_double(monkeypatch):
    from attncap.construct.distributions import encoder as module

    task = tasks.distributions(dirichlet(400, 40))
    double = construct.encode(task, 6, starts=1).kl
    monkeypatch.setattr(module, "PROJECTABLE", 0)
    monkeypatch.setattr(module, "DOUBLE", 0)
    assert construct.encode(task, 6, starts=1).kl == pytest.approx(double, abs=2e-4)


@pytest.mark.parametrize("dim", [2, 4])
def test_variable_projection_never_loses_what_it_starts_from(dim):
    rng = np.random.default_rng(0)
    counts = rng.multinomial(12, rng.dirichlet(np.full(30, 0.1), 400)).astype(float)
    task = tasks.distributions(counts / 12, rng.dirichlet(np.full(400, 0.2)) + 1e-6)
    assert not task.deterministic
    start = lowrank.joint(lowrank.svd_start(task.pi, task.weight, dim), task.pi, task.weight, 40)
    before, after = (
        task.weight @ measure.divergences(task.pi, e @ w.T)
        for w, e in (start, lowrank.vary(start, task.pi, task.weight, 60))
    )
    assert after < before


# --- the bounds


@given(st.integers(1, 4), st.integers(0, 20))
@settings(max_examples=10, deadline=None)
def test_no_encoder_of_that_norm_beats_the_lower_bound(dim, seed):
    pi, rng = dirichlet(30, 6, seed), np.random.default_rng(seed)
    weight = rng.dirichlet(np.ones(30))
    encoder = construct.encode(tasks.distributions(pi, weight), dim)
    assert encoder.lower_bound <= encoder.kl + 1e-9
    for _ in range(20):
        logits = rng.standard_normal((30, dim)) @ rng.standard_normal((dim, 6))
        logits -= logits.mean(axis=1, keepdims=True)
        norm = np.sqrt(30 * weight @ (logits**2).sum(axis=1))
        logits *= min(1, encoder.rho / norm)
        assert weight @ measure.divergences(pi, logits) >= encoder.lower_bound


def test_lower_bound_is_near_the_optimum_for_few_dimensions():
    for dim in (1, 2):
        encoder = construct.encode(tasks.distributions(dirichlet(2500, 50)), dim, starts=1)
        assert encoder.lower_bound > 0.94 * encoder.kl


@pytest.mark.parametrize("published", [False, True])
def test_lookup_bound_is_its_formula_and_holds(published):
    size, dim = 40, 1000
    pi = 0.9 * np.eye(size) + 0.1 * dirichlet(size, size)
    task, total = tasks.distributions(pi), 0.0
    constant = np.sqrt(32 * np.log(size + 1) / dim)
    for row in pi:
        g = row.argmax()
        rest = np.delete(row, g)
        distance = abs(rest / rest.sum() - 1 / (size - 1)).sum() if published else 0.0
        entropy = -(row * np.log(row)).sum()
        each = (1 - row[g]) * np.log((size - 1) / (np.exp(entropy) - 1))
        total += each * (1 + 2 * constant + constant * distance) / size
    found = construct.lookup_bound(task, dim, published=published)
    assert found == pytest.approx(total / (1 - 2 * constant))
    assert found > construct.encode(task, dim).kl
    assert construct.lookup_bound(task, 128, published=published) is None


@given(st.integers(0, 50), st.floats(0.0, 0.4), st.integers(3, 12))
@settings(max_examples=25, deadline=None)
def test_unit_vectors_at_the_angles_of_theorem_2_reach_its_sharper_form(seed, coherence, size):
    """The proof's own encoder: logits lambda u_v . u_g whose gaps lie within lambda (1 -+ coherence)."""
    rng = np.random.default_rng(seed)
    pi = 0.8 * np.eye(size) + 0.2 * rng.dirichlet(np.ones(size), size)
    entropy = -(pi * np.log(pi)).sum(axis=1)
    size_of_gap = np.log((size - 1) / np.expm1(entropy))
    gaps = size_of_gap[:, None] / (1 - coherence) * (1 + coherence * rng.uniform(-1, 1, (size, size)))
    logits = np.where(np.eye(size) > 0, 0.0, -gaps)
    bound = (1 - pi.max(axis=1)) * size_of_gap * (1 + coherence) / (1 - coherence)
    assert (measure.divergences(pi, logits) <= bound + 1e-12).all()


def test_the_average_entropy_may_not_stand_for_each_in_theorem_2():
    size, entropies = 40, np.array([0.01, 2.0])
    each = np.log((size - 1) / np.expm1(entropies))
    assert np.log((size - 1) / np.expm1(entropies.mean())) < each.mean()


# --- the weights


@pytest.fixture(scope="module")
def pairs():
    return tasks.distributions(dirichlet(400, 20), sequences=grid(20))


@pytest.mark.parametrize("heads", [66, 80])
def test_weights_lose_nothing_but_rounding(pairs, heads):
    for seed in range(3):
        fit = construct.distribution(pairs, 6, heads=heads, starts=1, seed=seed)
        assert fit.stored == 400
        assert abs(fit.excess["float64"]) <= 1e-9
        assert abs(fit.excess["float32"]) <= 1e-6


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_sequences_with_one_distribution_have_weights(dim):
    for pi in (np.full((64, 8), 1 / 8), np.tile(dirichlet(1, 8), (64, 1)), np.tile(np.eye(8)[:1], (64, 1))):
        fit = construct.distribution(tasks.distributions(pi, sequences=grid(8)), embedding_dim=dim, starts=1)
        assert max(fit.excess["float64"], fit.excess["float32"]) < 1e-9


@pytest.mark.parametrize("different", [1, 2, 3])
def test_encodings_have_full_rank_where_the_logits_have_less(different):
    pi = dirichlet(different, 8)[np.arange(64) % different]
    encoder = construct.encode(tasks.distributions(pi), 5, starts=1)
    unembedding, encoding = _orthonormal(encoder, np.random.default_rng(0).standard_normal((64, 5)))
    np.testing.assert_allclose(encoding @ unembedding.T, encoder.logits, atol=1e-9)
    values = np.linalg.svd(encoding, compute_uv=False)
    assert values[-1] > 1e-3 * values[0]


def test_weights_at_the_full_count_of_the_reference_task():
    task = tasks.distributions(dirichlet(2500, 50), sequences=grid(50))
    fit = construct.distribution(task, 10, heads=249, starts=1)
    assert fit.capacity["rank"] == 2500
    assert abs(fit.excess["float64"]) <= 1e-9
    assert abs(fit.excess["float32"]) <= 1e-6


def zipf():
    return tasks.distributions(dirichlet(400, 20), 1 / np.arange(1, 401), grid(20))


@pytest.mark.parametrize("heads", [30, 50])
def test_excess_of_a_part_stays_below_both_bounds(heads):
    task = zipf()
    fit = construct.distribution(task, 6, heads=heads, starts=1)
    assert fit.stored == int(0.9 * fit.capacity["rank"]) < 400
    assert 0 < fit.excess["float64"] <= fit.bounds["quadratic"] <= fit.bounds["paper"]
    order = np.argsort(-task.weight, kind="stable")
    logits = np.concatenate([rows for _, rows in fit.model.logits(task.sequences)])
    np.testing.assert_allclose(
        softmax(logits, axis=1)[order[: fit.stored]],
        softmax(fit.encoder.logits, axis=1)[order[: fit.stored]],
        atol=1e-9,
    )
    assert fit.epsilon == pytest.approx(task.weight[order[fit.stored :]].sum())


@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_constant_of_theorem_1_bounds_what_storing_some_rows_does_to_the_others(kept, more, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((kept + more + 3, kept + more)) * rng.uniform(0.01, 1, kept + more)
    first, rest = np.arange(kept), np.arange(kept, len(matrix))
    constant = theorem_constant(matrix, first)
    basis = np.linalg.qr(matrix)[0]
    stored_then_read = basis[rest] @ np.linalg.pinv(basis[first])
    # Errors of the other rows are (-P2 A (P1 A)^+, I) times the encodings; its norm is 1 / sigma.
    moved = np.linalg.norm(np.hstack([-stored_then_read, np.eye(len(rest))]), 2)
    assert constant == pytest.approx(np.sqrt(1 + moved**2), rel=1e-6)


def test_the_constant_of_theorem_1_is_as_computed_for_zipf_weights():
    task = tasks.distributions(dirichlet(400, 20), 1 / np.arange(1, 401), np.argwhere(np.ones((20, 20))))
    for heads, stored, bound in ((60, 329, 9.68), (60, 200, 10.6), (50, 275, 22.1)):
        fit = construct.distribution(task, 6, heads=heads, stored=stored, starts=1)
        assert fit.bounds["paper"] == pytest.approx(bound, rel=0.02)
        assert fit.excess["float64"] < fit.bounds["paper"]


def test_epsilon_decides_what_is_stored_and_by_how_many_heads():
    task = zipf()
    for epsilon in (0.3, 0.05):
        fit = construct.distribution(task, 6, epsilon=epsilon, starts=1)
        fewest = next(k for k in range(401) if task.weight[:k].sum() >= 1 - epsilon)
        assert fit.stored == fewest
        assert fit.epsilon <= epsilon < fit.epsilon + task.weight[fewest - 1]
        assert 6 * (fit.shape.heads - 1) + 6 < fewest / 0.9 <= fit.capacity["rank"]
        assert 0 < fit.excess["float64"] < fit.bounds["quadratic"]
    assert construct.distribution(task, 6, epsilon=0, starts=1).stored == 400
    with pytest.raises(InputError, match="stored: expected none where epsilon decides, got 10"):
        construct.distribution(task, 6, epsilon=0.1, stored=10)
    with pytest.raises(InputError, match=r"epsilon: expected 0 to 1, got -0\.1"):
        construct.distribution(task, 6, epsilon=-0.1)
    with pytest.raises(InputError, match="stored: expected 0 to 126, what 20 heads can hold, got 288"):
        construct.distribution(task, 6, heads=20, epsilon=0.05)


def test_storing_fewer_exactly_lowers_the_excess():
    task = zipf()
    excess = [construct.distribution(task, 6, heads=50, starts=1, stored=k).excess["float64"] for k in (0, 150, 300)]
    assert excess == sorted(excess)


def test_deterministic_distributions_are_stored():
    rng = np.random.default_rng(0)
    task = tasks.distributions(np.eye(20)[rng.integers(20, size=100)], sequences=grid(10))
    fit = construct.distribution(task, 8)
    assert fit.kl["float32"] < 1e-6
    assert fit.recall["float32"].accuracy == 1.0


def test_more_sequences_than_the_heads_hold_are_refused(pairs):
    with pytest.raises(InputError, match=r"stored: expected 0 to 306, what 50 heads can hold, got 400"):
        construct.distribution(pairs, 6, heads=50, stored=400)


def test_no_sequences_no_weights():
    with pytest.raises(InputError, match="holds no sequences"):
        construct.distribution(tasks.distributions(dirichlet(5, 4)), 2)


def test_unreachable_precision_is_said(pairs):
    with pytest.raises(UnmetError, match=r"66 heads leave .* nats above the encoder in bfloat16"):
        construct.distribution(pairs, 6, heads=66, starts=1, dtype="bfloat16")


# --- sources


def test_text_counts_what_follows(tmp_path):
    path = tmp_path / "song.txt"
    path.write_text("a b a b a c a b")
    task = tasks.text_distributions(path, context=1)
    row = task.sequences[:, 0].tolist().index(0)
    assert task.weight[row] == pytest.approx(4 / 7)
    np.testing.assert_allclose(task.pi[row], 0.999 * np.array([0, 3 / 4, 1 / 4]) + 0.001 / 3)
    assert "smoothed to (1 - 0.001) pi + 0.001 / N" in task.notes[-1]


def test_rare_tokens_become_one(tmp_path):
    path = tmp_path / "song.txt"
    path.write_text("a b a c a b d a e a b a b")
    task = tasks.text_distributions(path, context=1, vocabulary=3)
    assert task.vocabulary == ("a", "b", "<other>")
    assert task.notes[0] == "3 rare tokens (23.1% of the text) became <other>"


@pytest.mark.parametrize("source", ["kjv", "wikipedia"])
def test_real_text_is_encoded(source):
    task = tasks.text_distributions(source, context=1, vocabulary=40)
    curve = [construct.encode(task, d, starts=1).kl for d in (1, 4, 16, 39)]
    assert curve == sorted(curve, reverse=True)
    assert curve[-1] < 1e-10


def test_conflicting_rows_become_a_distribution():
    rows = [["Peru", "Spanish"], ["Peru", "Quechua"], ["Peru", "Spanish"], ["Chile", "Spanish"]]
    task = tasks.fact_distributions(Table("atlas", ["country", "tongue"], rows, [2, 3, 4, 5]))
    words = [task.vocabulary[s] for s in task.sequences[:, 1]]
    peru = task.pi[words.index("Peru")]
    delta = 1e-3
    assert peru[task.vocabulary.index("Spanish")] == pytest.approx((1 - delta) * 2 / 3 + delta / len(peru))
    assert peru[task.vocabulary.index("Quechua")] == pytest.approx((1 - delta) / 3 + delta / len(peru))


def test_memorize_conflicts_as_a_distribution(tmp_path, capsys):
    table = tmp_path / "tongues.csv"
    rows = [f"land{i},tongue{i % 7}" for i in range(60)]
    table.write_text("\n".join(["country,tongue", *rows, "land3,tongue5"]))
    words = ("memorize", table, "--out", tmp_path / "memory", "--embedding-dim", 24)
    code, _, err = run(capsys, *words)
    assert code == 2
    assert "rows 5 and 62" in err
    assert "on_conflict distribution" in err
    code, out, _ = run(capsys, *words, "--on-conflict", "distribution", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["method"] == "distribution"
    assert result["task"]["associations"] == 60
    assert result["recall"]["float32"]["correct"] == 59
    assert result["excess"]["float64"] <= 1e-9
    assert result["excess"]["float32"] <= 1e-6
    memory = archive.read(tmp_path / "memory")
    assert memory.ask(["land4", "tongue"]).answer == "tongue4"
    logits = next(memory.model.logits(memory.task.sequences))[1]
    odd = next(i for i in range(60) if "land3" in memory.task.words(i)[0])
    chances = dict(zip(memory.task.vocabulary, softmax(logits[odd].astype(float)), strict=True))
    assert chances["tongue3"] == pytest.approx(0.4995, abs=5e-3)
    assert chances["tongue5"] == pytest.approx(0.4995, abs=5e-3)


def test_encode_command(tmp_path, capsys):
    np.savez(tmp_path / "task.npz", pi=dirichlet(100, 8), weight=np.arange(1.0, 101.0))
    code, out, _ = run(capsys, "encode", tmp_path / "task.npz", "--embedding-dim", 3, "--json")
    assert code == 0
    assert {"kl", "kl_svd", "lower_bound", "rho", "entropy", "seconds"} <= set(json.loads(out))
    code, out, _ = run(capsys, "encode", tmp_path / "task.npz", "--embedding-dim", 3)
    assert code == 0
    assert "lower bound" in out


# --- bad input


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pi": [[0.5, np.nan]]}, "pi, row 0: expected finite probabilities"),
        ({"pi": [[0.5, 0.5], [np.inf, 0.0]]}, "pi, row 1: expected finite probabilities"),
        ({"pi": [[1.5, -0.5]]}, "pi, row 0: expected probabilities, got -0.5"),
        ({"pi": [[0.5, 0.5], [0.5, 0.4]]}, "pi, row 1: expected a sum of 1, got 0.9"),
        ({"pi": [0.5, 0.5]}, "pi must have shape (T, N)"),
        ({"pi": [[1.0]]}, "pi must have shape (T, N)"),
        ({"pi": [["a", "b"]]}, "pi: expected an array of real numbers"),
        ({"pi": [[0.5, 0.5]], "weight": [1.0, 1.0]}, "weight must have shape (T,) = (1,), got (2,)"),
        ({"pi": [[0.5, 0.5]], "weight": [-1.0]}, "weight, row 0: expected a positive number, got -1"),
        ({"pi": [[0.5, 0.5]] * 2, "sequences": [[0, 1]]}, "1 sequences but 2 answers"),
        ({"pi": [[0.5, 0.5]] * 2, "sequences": [[0], [0]]}, "row 1 repeats the sequence of row 0"),
        ({"pi": [[0.5, 0.5]] * 2, "sequences": [[0], [2]]}, "sequences, row 1: expected tokens 0 to 1"),
        ({"pi": [[0.5, 0.5]] * 2, "sequences": [[0], [0.5]]}, "sequences, row 1: expected whole token numbers"),
    ],
)
def test_bad_arrays_are_refused_by_name(arrays, message, tmp_path, capsys):
    with pytest.raises(InputError) as error:
        tasks.distributions(**arrays)
    assert message in str(error.value)
    np.savez(tmp_path / "bad.npz", **{name: np.array(value) for name, value in arrays.items()})
    code, out, err = run(capsys, "encode", tmp_path / "bad.npz", "--embedding-dim", 2)
    assert (code, out) == (2, "")
    assert "bad.npz" in err
    assert err.count("\n") == 1


def test_bad_files_are_refused(tmp_path, capsys):
    (tmp_path / "not.npz").write_bytes(b"PK nonsense")
    np.savez(tmp_path / "other.npz", probabilities=dirichlet(3, 4))
    np.savez(tmp_path / "object.npz", pi=np.array([[{}]], dtype=object))
    for name, message in [
        ("not.npz", "not an .npz"),
        ("other.npz", "expected pi and optionally weight"),
        ("object.npz", "not an .npz file of plain arrays"),
        ("missing.npz", "cannot read"),
        ("missing.txt", "cannot read"),
        ("kvj", "did you mean 'kjv'?"),
    ]:
        path = tmp_path / name if "." in name else name
        code, _, err = run(capsys, "encode", path, "--embedding-dim", 2)
        assert code == 2
        assert message in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--embedding-dim", 0], "--embedding-dim: expected at least 1, got 0"),
        (["--embedding-dim", 2, "--starts", 0], "--starts: expected at least 1, got 0"),
        (["--embedding-dim", 2, "--context", 2], "--context: expected a text that it applies to"),
    ],
)
def test_bad_options_are_refused(words, message, tmp_path, capsys):
    np.savez(tmp_path / "task.npz", pi=dirichlet(10, 4))
    code, _, err = run(capsys, "encode", tmp_path / "task.npz", *words)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(("dim", "epsilon"), [(4, 0), (4, 0.3), (8, 0.05), (16, 0.3), (16, 0)])
def test_a_plan_for_epsilon_is_what_distribution_mode_takes_and_fills(dim, epsilon):
    task = zipf()
    found = bounds.plan(task, epsilon=epsilon, embedding_dim=dim)
    plan = found.plans[0]
    assert (found.associations, plan.method) == (task.fewest_likely(epsilon), "distribution")
    fit = construct.distribution(task, dim, plan.head_dim, plan.heads, epsilon=epsilon, starts=1)
    assert (fit.stored, fit.shape.parameters) == (found.associations, plan.parameters)
    stored = task.likely_first[: fit.stored]
    encoded = log_softmax(fit.encoder.logits[stored], axis=1)
    built = log_softmax(fit.model.astype(plan.dtype).forward(task.sequences[stored]), axis=1)
    assert np.average((np.exp(encoded) * (encoded - built)).sum(axis=1), weights=task.weight[stored]) < 1e-6
    if dim >= 8:
        # Narrower shapes have room for d features more.
        own = construct.distribution(task, dim, plan.head_dim, epsilon=epsilon, starts=1)
        assert own.shape.heads == plan.heads


def test_plans_of_distributions_need_a_dimension():
    task = zipf()
    with pytest.raises(InputError, match="embedding_dim: expected a number"):
        bounds.plan(task, epsilon=0.1)
    with pytest.raises(InputError, match=r"epsilon: expected 0 to 1, got 1\.5"):
        bounds.plan(task, epsilon=1.5, embedding_dim=8)
    with pytest.raises(InputError, match="epsilon: expected distributions, got 'associations'"):
        bounds.plan(associations=10, vocabulary=10, context=2, epsilon=0.1)
    with pytest.raises(UnmetError, match="embedding_dim of at least 4"):
        bounds.plan(task, epsilon=0.1, embedding_dim=3)


def test_epsilon_from_the_command_line(capsys, tmp_path):
    task = zipf()
    np.savez(path := tmp_path / "zipf.npz", pi=task.pi, weight=task.weight, sequences=task.sequences)
    planned = planned_for(str(path), embedding_dim=8, epsilon=0.3)
    assert planned.to_dict() == bounds.plan(task, embedding_dim=8, epsilon=0.3).to_dict()
    asked = {"embedding_dim": 8, "head_dim": planned.plans[0].head_dim, "epsilon": 0.3}
    fit = memorize(str(path), on_conflict="distribution", **asked)
    assert (fit.stored, fit.shape.heads) == (planned.associations, planned.plans[0].heads)
    with pytest.raises(InputError, match="epsilon: expected on_conflict distribution, got 'on_conflict error'"):
        memorize(str(path), **asked)
    code, out, _ = run(capsys, "plan", str(path), "--embedding-dim", "8", "--epsilon", "0.3")
    assert code == 0
    assert "the others have probability 0.29" in " ".join(out.split())
