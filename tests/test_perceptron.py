"""Constructed perceptrons and attention between given embeddings, and the experiment of hebbian2026."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import log_softmax

from attncap import archive, construct, measure, models, report, tasks
from attncap.commands.memorize import memorize
from attncap.construct.associations.joint_descent import whole as whole_attention
from attncap.construct.associations.joint_mode import GIVEN, untrained
from attncap.construct.associations.random_attention import draw as draw_attention
from attncap.construct.associations.readout import answers_of
from attncap.construct.perceptrons.constructed import count
from attncap.construct.perceptrons.descent import whole
from attncap.construct.perceptrons.units import draw, gelu_slope
from attncap.construct.readouts import given_readout
from attncap.errors import InputError
from attncap.memory.editing import refusal
from attncap.models.transformer import gelu
from attncap.numerics.lbfgs import descend
from attncap.papers.hebbian2026 import gradient_descent, searches
from attncap.papers.hebbian2026.setting import PUBLISHED, SERIES, SIZES, facts
from attncap.plots.peers import peers_chart

from .command import run

TASK = tasks.random_associations(12, 2, 40, seed=0)
EVERY = np.arange(12)


@pytest.mark.parametrize(("activation", "context"), [("gelu", 1), ("gelu", 2), ("identity", 1), ("identity", 2)])
def test_random_units_are_as_independent_as_they_count(activation, context):
    sequences = np.random.default_rng(1).permutation(30)[:, None]
    if context == 2:
        sequences = np.concatenate([sequences, np.roll(sequences, 7)], axis=1)
    task = tasks.associations(sequences, np.arange(30), 30)
    for units in (5, 30, 60):
        features = draw(task, 4, units, activation, 0).features(task.sequences)
        assert np.linalg.matrix_rank(features) == min(30, count(4, context, units, activation))


def test_as_many_units_as_associations_reach_the_answers_rows():
    fit = construct.perceptron(TASK, 4, 40, method="theorem")
    reached = fit.model.encode(TASK.sequences)
    np.testing.assert_allclose(reached, fit.model.unembedding[TASK.answers], atol=1e-7)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("activation", models.ACTIVATIONS)
def test_the_gradient_of_a_whole_perceptron_is_the_loss_s(given, activation):
    model = draw(TASK, 3, 4, activation, 0)
    rng = np.random.default_rng(2)
    model = model.with_readout(rng.standard_normal((4, 3)))
    problem = whole(model, TASK, EVERY, TASK.answers, "float64", given=given)
    problem.refresh(problem.start)
    assert len(problem.start) == 4 * 3 * 5 + (0 if given else 2 * 12 * 3)
    direction = rng.standard_normal(len(problem.start))
    step = 1e-6
    ahead, behind = (problem.objective(problem.start + sign * step * direction)[0] for sign in (1, -1))
    assert problem.objective(problem.start)[1] @ direction == pytest.approx((ahead - behind) / (2 * step), rel=1e-5)
    # The loss is that of the model that the point stands for.
    logits = problem.finish(problem.start).forward(TASK.sequences)
    own = logits[np.arange(40), TASK.answers]
    assert problem.objective(problem.start)[0] == pytest.approx(np.mean(np.log(np.exp(logits).sum(1)) - own))


def test_the_slope_of_gelu():
    x = np.linspace(-4, 4, 41)
    np.testing.assert_allclose(gelu_slope(x), (gelu(x + 1e-6) - gelu(x - 1e-6)) / 2e-6, atol=1e-8)


def layers(task, given, width=3):
    attention = draw_attention(task, given.dim, given.dim, width, 3.0, 0, 1, given)
    return attention, draw(task, given.dim, 3 * width, "gelu", 0, given)


@pytest.mark.parametrize("place", [0, 1], ids=["attention", "perceptron"])
def test_the_readout_between_given_embeddings_is_convex_and_its_loss_the_model_s(place):
    task, given = facts(8, 24, 0, relation=True)
    problem = given_readout(layers(task, given)[place], task)
    rng = np.random.default_rng(0)
    one, other = (problem.start + rng.standard_normal(len(problem.start)) for _ in range(2))
    ends = problem.objective(one)[0], problem.objective(other)[0]
    assert problem.objective((one + other) / 2)[0] <= sum(ends) / 2 + 1e-6
    model = problem.finish(one)
    logits = model.forward(task.sequences)
    own = logits[np.arange(24), task.answers]
    assert ends[0] == pytest.approx(np.mean(np.log(np.exp(logits).sum(1)) - own), rel=1e-4)
    assert model.unembedding is given.unembedding


def test_a_readout_that_failed_fails_from_any_start():
    task, given = facts(8, 64, 0, relation=False)
    problem = given_readout(draw(task, 8, 6, "gelu", 0, given), task)
    start = np.random.default_rng(3).standard_normal(len(problem.start))
    losses = [descend(problem.objective, point, patience=300).loss for point in (problem.start, start)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert losses[0] > 0.1


def test_given_embeddings_stay_as_they_are():
    task, given = facts(8, 24, 0, relation=True)
    alone, vectors = facts(8, 24, 0, relation=False)
    fits = (
        construct.margin(task, 8, 8, 3, query_key_rank=1, embeddings=given),
        construct.joint(task, 8, 1, 6, embeddings=given),
        construct.perceptron(alone, 8, 12, embeddings=vectors),
        construct.perceptron(alone, 8, 24, method="theorem", embeddings=vectors),
        construct.perceptron(alone, 8, 6, method="joint", embeddings=vectors),
    )
    for fit, table in zip(fits, (given, given, vectors, vectors, vectors), strict=True):
        np.testing.assert_array_equal(fit.model.embedding, table.embedding)
        np.testing.assert_array_equal(fit.model.unembedding, table.unembedding)
        assert fit.recall["float32"].correct == 24
        assert fit.bits_per["layer"] == pytest.approx(fit.bits / fit.shape.layer_parameters)
    counted = [fit.shape.layer_parameters for fit in fits]
    assert counted == [3 * (2 * 8 + 64), 6 * 4 * 8, 12 * 24, 24 * 24, 6 * 24]
    solved = [fit.bits_per["data_parameter"] * size for fit, size in zip(fits, (192, 192, 96, 192, 144), strict=True)]
    np.testing.assert_allclose(solved, [fit.bits for fit in fits])


def test_a_head_s_output_value_counts_as_one_matrix_where_that_is_smaller():
    narrow, wide = (draw_attention(TASK, 6, dim, 2, 1.0, 0, 1) for dim in (2, 6))
    assert measure.layer_parameters(narrow) == 2 * (2 * 6 + 2 * 6 * 2) == narrow.parameters["total"] - 26 * 6
    assert measure.layer_parameters(wide) == 2 * (2 * 6 + 36)


def test_a_perceptron_of_other_answers_holds_nothing():
    other = tasks.random_associations(12, 2, 40, seed=7)
    strange = tasks.associations(TASK.sequences, other.answers, 12)
    evidence = [
        measure.memorized(construct.perceptron(TASK, 4, units, method="joint").model, strange).evidence
        for units in (4, 5)
    ]
    assert max(evidence) < 6


def test_embeddings_are_read_by_the_names_of_their_rows(tmp_path):
    task = tasks.load("random:6,2,9")
    table, order = np.random.default_rng(0).standard_normal((8, 3)), np.random.default_rng(1).permutation(8)
    tokens = np.array([*task.vocabulary, "more", "others"])
    np.savez(tmp_path / "named.npz", embedding=table[order], tokens=tokens[order], unembedding=2 * table[order])
    np.savez(tmp_path / "plain.npz", embedding=table[:6].astype(np.float32))
    named, plain = (construct.Embeddings.read(tmp_path / f"{name}.npz", task) for name in ("named", "plain"))
    np.testing.assert_array_equal(named.embedding, table[:6])
    np.testing.assert_array_equal(named.unembedding, 2 * table[:6])
    np.testing.assert_allclose(plain.unembedding, table[:6], rtol=1e-6)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"other": np.eye(6)}, "expected embedding"),
        ({"embedding": np.eye(5)}, "a row for each of the 6 tokens"),
        ({"embedding": np.eye(6), "unembedding": np.ones((6, 2))}, "shape"),
        ({"embedding": np.full((6, 2), np.nan)}, "finite"),
        ({"embedding": np.eye(6), "tokens": np.array(list("abcdef"))}, "all of the vocabulary"),
        ({"embedding": np.eye(6), "tokens": np.array(list("aaaaaa"))}, "each once"),
        ({"embedding": np.array(["a"] * 6)}, "numbers of shape"),
    ],
)
def test_embeddings_that_do_not_fit_are_refused(tmp_path, arrays, said):
    np.savez(tmp_path / "given.npz", **arrays)
    with pytest.raises(InputError, match=said):
        construct.Embeddings.read(tmp_path / "given.npz", tasks.load("random:6,2,9"))
    (tmp_path / "given.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"not an \.npz file"):
        construct.Embeddings.read(tmp_path / "given.npz", tasks.load("random:6,2,9"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layer": "perceptron", "heads": 2}, "heads: expected layer attention"),
        ({"layer": "both", "units": 2}, "units: expected layer perceptron"),
        ({"units": 2}, "units: expected layer perceptron"),
        ({"layer": "perceptron", "method": "train"}, "layer: expected attention, or method theorem or margin or joint"),
        ({"layer": "perceptron", "certify": True}, "certify"),
        ({"layer": "perceptron", "smallest": True}, "smallest"),
        ({"embeddings": Path("none.npz")}, "cannot read"),
    ],
)
def test_options_of_layers_that_do_not_go_together(options, said):
    with pytest.raises(InputError, match=said):
        memorize("random:6,2,9", **options)


def test_both_layers_are_written_and_counted(capsys, tmp_path):
    words = ["memorize", "random:12,2,40", "--layer", "both", "--method", "margin", "--embedding-dim", "6"]
    code, out, _ = run(capsys, *words, "--heads", "2", "--head-dim", "3", "--out", tmp_path / "both", "--json")
    said = json.loads(out)
    assert code == 0
    own = said["layer_parameters"]
    assert own["attention"] == 2 * 4 * 3 * 6
    assert 0 <= own["attention"] - own["perceptron"] < 6 * 5
    for name in ("attention", "perceptron"):
        kept = archive.read(tmp_path / "both" / name)
        assert measure.layer_parameters(kept.model) == own[name]
        assert kept.result["recall"] == said[name]["recall"]
    assert isinstance(kept.model, models.Perceptron)
    assert "2 heads" in run(capsys, *words, "--heads", "2", "--out", tmp_path / "again")[1]


def test_capacity_of_both_layers_at_equal_parameters(capsys):
    words = [
        "capacity",
        "--vocabulary",
        "12",
        "--context",
        "2",
        "--embedding-dim",
        "4",
        "--layer",
        "both",
        "--seeds",
        "1",
    ]
    said = json.loads(run(capsys, *words, "--heads", "2", "--method", "theorem", "--json")[1])
    assert said["layer_parameters"] == {"attention": 2 * 4 * (8 + 4), "perceptron": 4 * 5 * 4}
    assert said["attention"]["capacity"] == said["attention"]["rank"]
    assert said["perceptron"]["capacity"] >= said["units"] == 4
    assert "needs" not in run(capsys, *words, "--heads", "2", "--method", "theorem")[1]
    assert run(capsys, *words)[0] == 2


def test_the_facts_are_isotropic_and_each_answers_one():
    task, given = facts(16, 256, 42, relation=True)
    np.testing.assert_allclose(np.linalg.norm(given.embedding, axis=1), 1)
    assert sorted(task.answers) == list(range(256))
    assert not given.unembedding[256].any()
    alone, vectors = facts(16, 256, 42, relation=False)
    np.testing.assert_array_equal(vectors.embedding, given.embedding[:256])
    np.testing.assert_array_equal(alone.answers, task.answers)


@pytest.mark.parametrize("layer", ["perceptron", "attention"])
def test_gradient_descent_is_adam_with_a_cosine(layer):
    task, given = facts(4, 8, 0, relation=layer == "attention")
    problem, scale = gradient_descent._posed(task, given, layer, 3, 0)
    steps, rate, least = 7, gradient_descent.RATE, gradient_descent.LEAST
    point, mean, square = scale * problem.start, 0, 0
    for step in range(steps):
        gradient = problem.objective(point / scale)[1] / scale
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        now = least + (rate - least) * (1 + np.cos(np.pi * step / steps)) / 2
        point = point - now * (mean / (1 - 0.9 ** (step + 1))) / (np.sqrt(square / (1 - 0.999 ** (step + 1))) + 1e-8)
    margin = problem.objective(point / scale)[2]
    found = gradient_descent.trained(task, given, layer, 3, 0, steps=steps, stop=False)
    assert found.margin == pytest.approx(margin, rel=1e-3)
    assert found.steps == steps


CONSTRUCTED = tuple(label for label, one in SERIES.items() if one.how == "constructed")


@pytest.mark.parametrize("labels", [CONSTRUCTED, pytest.param(tuple(SERIES), marks=pytest.mark.slow)])
def test_the_smallest_layers_of_each_series(labels):
    found = {label: searches.smallest(label, 4, 8, 42) for label in labels}
    for label, one in found.items():
        each = {"perceptron": 12, "attention": 16}[SERIES[label].layer]
        if SERIES[label].layer == "attention" and SERIES[label].how == "constructed":
            each = 2 * 4 + 4 * 4
        assert one["parameters"] == each * one["width"], label
        assert one["bits_per_parameter"] == pytest.approx(24 / one["parameters"])
    # Ten bilinear units of four inputs are independent: least squares of more facts has no width.
    assert searches.smallest("perceptron: bilinear, least squares", 4, 60, 42)["parameters"] is None


def test_published_numbers_are_means_of_whole_widths():
    for held in PUBLISHED.values():
        assert all(count in SIZES[dim] for dim, count in held)
        assert all(number is None or 2 * number % (3 * dim) == 0 for (dim, _), number in held.items())


def test_the_figure_shows_every_layer_at_its_parameters():
    rows = [
        {
            "series": label,
            "layer": one.layer,
            "how": one.how,
            "d": 16,
            "facts": count,
            "parameters": 100.0 * place + count,
        }
        for place, (label, one) in enumerate(SERIES.items(), 1)
        for count in (64, 128)
    ]
    theirs = pl.DataFrame([{"series": "gradient descent", "d": 16, "facts": 64, "parameters": 240}])
    said = peers_chart(pl.DataFrame(rows), theirs, title="t", note="n").to_dict()
    panels = [said, *said["layer"]]
    drawn = [row for one in panels for row in one.get("data", {}).get("values", [])]
    assert all(row in drawn for row in rows)
    rates = [row for row in drawn if "rate" in row]
    assert all(row["parameters"] * row["rate"] == pytest.approx(row["facts"] * np.log2(row["facts"])) for row in rates)
    assert {row["rate"] for row in rates} == {1, 2}


def test_attention_between_given_embeddings_descends_the_layer_alone():
    task, given = facts(6, 12, 0, relation=True)
    start = untrained(task, 6, 1, 3, 1, 0, given)
    pose = partial(whole_attention, start, task, np.arange(13), task.answers, frozen=GIVEN)
    problem = pose(dtype="float64")
    problem.refresh(problem.start)
    assert len(problem.start) == 3 * 4 * 6
    direction = np.random.default_rng(0).standard_normal(len(problem.start))
    ahead, behind = (problem.objective(problem.start + sign * 1e-6 * direction)[0] for sign in (1, -1))
    assert problem.objective(problem.start)[1] @ direction == pytest.approx((ahead - behind) / 2e-6, rel=1e-5)


def rounded_pose(kind):
    if kind == "perceptron":
        start = draw(TASK, 3, 4, "identity", 0).with_readout(np.random.default_rng(2).standard_normal((4, 3)))
        return partial(whole, start, TASK, *answers_of(TASK), given=False)
    task, given = TASK, construct.Embeddings(*np.random.default_rng(3).standard_normal((2, 12, 3)))
    start = untrained(task, 3, 1, 4, 1, 0, given)
    return partial(whole_attention, start, task, EVERY, task.answers, frozen=GIVEN)


@pytest.mark.parametrize("kind", ["perceptron", "attention between given embeddings"])
def test_rounding_in_the_loop_is_that_of_the_file(kind):
    problem = rounded_pose(kind)(dtype="float64", rounding=True)
    problem.refresh(problem.start)
    point = problem.start + 0.3 * np.random.default_rng(0).standard_normal(len(problem.start))
    logits = problem.finish(point).astype("int8").astype("float64").forward(TASK.sequences)
    loss, _, margin = problem.objective(point)
    assert loss == pytest.approx(-log_softmax(logits, axis=1)[np.arange(40), TASK.answers].mean(), rel=1e-9)
    assert margin == pytest.approx(measure.margins(logits, TASK.answers).min(), rel=1e-9)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_a_descended_perceptron_stores_its_rows_in_use_and_reads_them_back(dtype, tmp_path):
    task = tasks.associations([[0, 1], [1, 2], [2, 0], [0, 2]], [3, 4, 3, 5], vocabulary=9)
    fit = construct.perceptron(task, 4, 3, method="joint", dtype=dtype)
    assert fit.recall[dtype].accuracy == 1.0
    model = fit.model.astype(dtype)
    models.save(model, tmp_path)
    back = models.load(tmp_path)
    assert back == model
    assert list(back.readable) == [0, 1, 2]
    assert list(back.candidates) == [3, 4, 5]
    assert fit.shape.parameters == fit.shape.parameters_in_use == 4 * 6 + 3 * 4 * 5
    # Rows that are stored but not in use do not count.
    assert measure.parameters_in_use(draw(task, 4, 3, "identity", 0), task) == fit.shape.parameters
    assert fit.shape.bytes == model.bytes


def test_int8_of_a_perceptron_is_method_joint_s():
    with pytest.raises(InputError, match="dtype: expected a floating-point type with method margin"):
        construct.perceptron(TASK, 4, 40, dtype="int8")


def test_a_perceptron_s_page_and_refusals_speak_of_units(tmp_path):
    fit = construct.perceptron(tasks.random_associations(10, 2, 100), embedding_dim=4, units=32)
    held = archive.read(fit.save(tmp_path / "held"))
    page = report.write(held.path).read_text()
    assert "Which unit writes what" in page
    assert "32 gated units" in page
    assert "0 heads" not in page
    assert "32 gated units lose 3 facts of the 100" in (line := refusal(held, held.task, 3))
    assert line.endswith("--layer perceptron --units 64")
