import json

import numpy as np
import pytest
import scipy.optimize
from scipy.special import log_softmax, softmax

from attncap import archive, construct, measure
from attncap.cli import main
from attncap.construct import NotMemorized
from attncap.construct.associations.readout import Readout, first_guess, logistic, piece, spread
from attncap.fits.fit import shortfall
from attncap.measure import Recall
from attncap.numerics.exponentials import raised
from attncap.numerics.lbfgs import descend
from attncap.numerics.whitening import whiten
from attncap.tasks import associations, random_associations


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def problem(rng, rows=40, columns=7, dim=3, classes=5):
    features = rng.standard_normal((rows, columns))
    answers = rng.integers(classes, size=rows)
    return features, answers, Readout(rng.standard_normal((columns, dim)), rng.standard_normal((classes, dim)))


def test_the_loss_and_margin_are_those_of_the_logits(rng):
    features, answers, readout = problem(rng)
    loss, _, smallest = logistic(features, answers, readout)(readout.flat)
    logits = features @ readout.encoder @ readout.unembedding.T
    assert loss == pytest.approx(-log_softmax(logits, axis=1)[np.arange(40), answers].mean(), rel=1e-12)
    assert smallest == pytest.approx(measure.margins(logits, answers).min(), rel=1e-12)


def test_the_gradient_is_the_derivative_of_the_loss(rng):
    features, answers, readout = problem(rng)
    objective = logistic(features, answers, readout)
    numeric = scipy.optimize.approx_fprime(readout.flat, lambda flat: objective(flat)[0], 1e-7)
    np.testing.assert_allclose(objective(readout.flat)[1], numeric, atol=1e-6)


def test_pieces_do_not_change_the_loss(rng, monkeypatch):
    features, answers, readout = problem(rng)
    whole = logistic(features, answers, readout)(readout.flat)
    monkeypatch.setattr(
        "attncap.construct.associations.readout.chunks",
        lambda count, _: (slice(i, min(i + 7, count)) for i in range(0, count, 7)),
    )
    pieces = logistic(features, answers, readout)(readout.flat)
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_large_logits_do_not_overflow(rng):
    features, answers, readout = problem(rng)
    loss, gradient, _ = logistic(features.astype(np.float32), answers, readout)(1e3 * readout.flat)
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_far_apart_leave_no_subnormal_number_and_the_gradients_of_the_softmax(dtype):
    # Products of subnormal numbers take many times longer.
    rng = np.random.default_rng(0)
    encoded, unembedding = (rng.uniform(1, 2, shape).astype(dtype) for shape in ((40, 3), (9, 3)))
    encoded, answers = encoded * np.logspace(0, 3, 40, dtype=dtype)[:, None], rng.integers(9, size=40)
    with np.errstate(under="raise"):
        loss, _, *gradients = piece(encoded, unembedding, answers)
    logits = encoded.astype(np.float64) @ unembedding.T
    assert loss == pytest.approx(-log_softmax(logits, axis=1)[np.arange(40), answers].sum(), rel=1e-5)
    by = softmax(logits, axis=1) - np.eye(9)[answers]
    for found, expected in zip(gradients, (by @ unembedding, by.T @ encoded), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * abs(expected).max())
    least = raised(np.array([0.0, -1e4], dtype))
    assert least[0] == 1
    assert np.finfo(dtype).tiny < least[1] < np.finfo("float64").eps ** 1.5


@pytest.mark.parametrize("rows", [30, 300])
def test_whitened_features_span_the_same_and_map_back(rng, rows):
    features = (rng.standard_normal((rows, 20)) @ (np.eye(20) + rng.uniform(size=(20, 20)))).astype(np.float32)
    before = features.copy()
    whitener = whiten(features)
    np.testing.assert_allclose(before @ whitener, features, atol=1e-3)
    np.testing.assert_allclose(features.T @ features, rows / 20 * np.eye(20), atol=0.05 * rows / 20)


def test_whitening_bears_more_features_than_sequences_and_repeated_columns(rng):
    features = np.repeat(rng.standard_normal((10, 15)), 2, axis=1).astype(np.float32)
    assert np.isfinite(whiten(features)).all()
    assert np.abs(features).max() < 10


def test_first_guess_is_least_squares(rng):
    features, answers, _ = problem(rng)
    whiten(features)
    directions = rng.standard_normal((5, 3))
    guess = first_guess(features, answers, directions)
    expected = np.linalg.lstsq(features, guess.unembedding[answers])[0]
    np.testing.assert_allclose(guess.encoder, expected, atol=1e-4)


def test_descent_stops_when_it_stalls():
    evaluated = []

    def flat(point):
        evaluated.append(1)
        return 1.0 + 1e-9 * float(point @ point), 2e-9 * point, -1.0

    found = descend(flat, np.ones(3), evaluations=1000)
    assert found.margin == -1.0
    assert found.evaluations == len(evaluated) < 1000


@pytest.mark.parametrize(
    ("vocabulary", "context", "rank", "ratio"),
    [(50, 3, 120, 4.5), (10, 3, 120, 4.0), (2, 12, 112, 1.7)],
)
@pytest.mark.parametrize("seed", range(4))
def test_several_times_the_corrected_count_is_recalled_exactly(vocabulary, context, rank, ratio, seed):
    task = random_associations(vocabulary, context, int(np.ceil(ratio * rank)), seed)
    fit = construct.margin(task, 10, heads=11, seed=seed)
    assert fit.capacity["rank"] == rank
    assert fit.recall["float32"].accuracy == 1.0
    assert fit.recall["float64"].certified


@pytest.mark.parametrize("seed", range(2))
def test_ten_times_the_corrected_count_with_a_large_vocabulary(seed):
    fit = construct.margin(random_associations(1000, 2, 1200, seed), 10, heads=11, seed=seed)
    assert fit.capacity["rank"] == 120
    assert fit.recall["float32"].accuracy == 1.0


def test_bfloat16_is_exact_where_there_is_room():
    fit = construct.margin(random_associations(400, 8, 2000, 0), 32, heads=15, dtype="bfloat16")
    assert {dtype: recall.certified for dtype, recall in fit.recall.items()} == {
        "float64": True,
        "float32": True,
        "bfloat16": True,
    }


def test_tokens_that_are_never_answers_cannot_win(rng):
    task = random_associations(60, 2, 200, 0)
    few = associations(task.sequences, rng.integers(10, size=200) * 3, 60)
    fit = construct.margin(few, 8, heads=6)
    assert fit.recall["float32"].accuracy == 1.0
    never = np.setdiff1d(np.arange(60), few.answers)
    assert not fit.model.unembedding[never].any()
    logits = fit.model.forward(few.sequences)
    used = np.unique(few.answers)
    np.testing.assert_allclose(logits[:, used].mean(axis=1), 0, atol=1e-6 * np.abs(logits).max())


def test_rows_of_the_unembedding_are_centred(rng):
    rows = spread(rng.standard_normal((3, 2)), np.array([1, 4, 5]), 7)
    np.testing.assert_allclose(rows.sum(axis=0), 0, atol=1e-14)
    assert not rows[[0, 2, 3, 6]].any()


@pytest.mark.parametrize(("vocabulary", "count"), [(2, 4), (5, 1)])
def test_one_answer_alone_is_memorized(vocabulary, count):
    sequences = random_associations(vocabulary, 2, count, 0).sequences
    task = associations(sequences, np.full(count, vocabulary - 1), vocabulary)
    assert construct.margin(task, 4, heads=1).recall["float32"].correct == count


def test_one_token_is_context_enough():
    task = random_associations(30, 1, 30, 0)
    with pytest.raises(NotMemorized, match="any number of heads"):
        construct.theorem(task, 6)
    assert construct.margin(task, 6).recall["float32"].accuracy == 1.0


def test_head_dim_smaller_than_the_embedding():
    fit = construct.margin(random_associations(50, 2, 300, 0), 12, head_dim=4, heads=16)
    assert fit.shape.head_dim == 4
    assert fit.recall["float32"].accuracy == 1.0


def test_the_fewest_heads_are_bracketed():
    task = random_associations(50, 3, 400, 1)
    fit = construct.margin(task, 10, seed=1)
    failed, succeeded = fit.details["heads_bracket"]
    assert (failed + 1, succeeded) == (fit.shape.heads, fit.shape.heads)
    with pytest.raises(NotMemorized):
        construct.margin(task, 10, heads=failed, seed=1)
    # The theorem needs (400 - 10) / 10 heads.
    assert fit.shape.heads <= 39 // 3


def test_same_seed_same_weights():
    one, other = (construct.margin(random_associations(20, 2, 100, 0), 6, heads=4, seed=3).model for _ in range(2))
    for name, tensor in one.tensors().items():
        np.testing.assert_array_equal(tensor, other.tensors()[name])


def test_training_the_attention_reaches_what_the_readout_cannot():
    task = random_associations(50, 2, 120, 0)
    with pytest.raises(NotMemorized, match="of 120 associations"):
        construct.margin(task, 4, heads=4)
    fit = construct.margin(task, 4, heads=4, train_attention=True)
    assert fit.recall["float32"].accuracy == 1.0
    assert fit.details["joint_evaluations"] > 0


def test_a_shortfall_says_what_failed_and_what_to_change():
    task = random_associations(50, 2, 100, 0)
    assert shortfall(Recall(100, 1.0, 0.5, 0.1, True), task, "float32", 4) == ""
    uncertain = shortfall(Recall(100, 1.0, 0.1, 0.2, False), task, "float32", 4)
    assert (
        "every answer is right, but not certified (smallest margin 0.1, rounding moves logits by up to 0.2)"
        in uncertain
    )
    wrong = shortfall(Recall(90, 0.9, -1.0, 3.0, False), task, "bfloat16", 4)
    assert "4 heads recall 90 of 100" in wrong
    assert "give more heads" in wrong
    assert "wider dtype" in wrong
    assert "dtype" not in shortfall(Recall(90, 0.9, -1.0, 0.0, False), task, "float64", 4)


def test_what_another_type_would_lack_is_told_apart_from_what_is_written():
    fit = construct.theorem(random_associations(50, 2, 220, 0), 10)
    said = " ".join(str(fit).split())
    for dtype, expected in (("bfloat16", True), ("float32", False)):
        line = shortfall(fit.recall[dtype], fit.task, dtype, fit.shape.heads)
        assert bool(line) == expected
        assert not line or f"instead in {line}" in said
    assert said.count("instead in") == 1


def test_memorize_by_margin_from_the_command_line(tmp_path, capsys):
    out = tmp_path / "memory"
    words = ["memorize", "random:50,3,540", "--out", str(out), "--method", "margin"]
    with pytest.raises(SystemExit) as end:
        main([*words, "--embedding-dim", "10", "--heads", "11", "--json"])
    assert end.value.code == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["method"], said["shape"]["heads"], said["capacity"]["rank"]) == ("margin", 11, 120)
    assert said["recall"]["float32"]["correct"] == 540
    memory = archive.read(out)
    assert measure.recall(memory.model, memory.task).correct == 540


def test_a_shape_that_is_too_small_is_refused_with_the_numbers(tmp_path, capsys):
    words = ["memorize", "random:50,3,2000", "--out", str(tmp_path / "m"), "--method", "margin"]
    with pytest.raises(SystemExit) as end:
        main([*words, "--embedding-dim", "4", "--heads", "2"])
    assert end.value.code == 1
    error = capsys.readouterr().err
    assert "2 heads recall" in error
    assert "of 2,000 associations" in error
    assert not (tmp_path / "m").exists()


def test_training_the_attention_belongs_to_margin_mode(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["memorize", "random:50,2,100", "--out", str(tmp_path / "m"), "--train-attention"])
    assert end.value.code == 2
    assert "--train-attention: expected method margin" in capsys.readouterr().err


def test_a_certificate_can_be_demanded():
    task = random_associations(50, 3, 400, 1)
    fit = construct.margin(task, 10, seed=1, certify=True)
    assert fit.certificate["float32"]
    failed, succeeded = fit.details["heads_bracket"]
    assert fit.shape.heads == succeeded > failed
    crowded = random_associations(2, 12, 196, 44)
    with pytest.raises(NotMemorized, match=r"right in 10 orders, but not certified .* a margin of .* would certify it"):
        construct.margin(crowded, 10, heads=11, seed=44, certify=True)
    measured = construct.margin(crowded, 10, heads=11, seed=44)
    assert not measured.certificate["float32"]
    assert measured.recall["float32"].measured == tuple(measure.ORDERS)
    assert measured.recall["float32"].certified_associations == 196
    assert measured.recall["float32"].arithmetic == "float64"
    assert "in float64; right in 10 orders" in str(measured)
