"""Attention layers trained on labelled examples: the model, the problem, the recipes."""

import math
from dataclasses import replace
from itertools import islice

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attncap import models
from attncap.construct.labelled.features import features
from attncap.construct.labelled.generic_scores import generic_heads
from attncap.errors import InputError, UnmetError
from attncap.measure.examples import label_bits, largest_weights, predicted
from attncap.numerics.rank import rank
from attncap.tasks import random_examples, uniform_examples
from attncap.train.labelled.architecture import LayerArchitecture
from attncap.train.labelled.layers import layers
from attncap.train.labelled.problem import Lane, labelling
from attncap.train.labelled.recipes import BEST, PAPER, fitted
from attncap.train.loop.lanes import train
from attncap.train.loop.recipes import rates
from benchmarks.labelled import peak

N, D, DH, H, C = 3, 6, 4, 2, 5
SHAPE = LayerArchitecture(N, D, DH, H, C)
VARIANTS = {
    "paper": SHAPE,
    "own_key": replace(SHAPE, own_key=True),
    "wide values": replace(SHAPE, value_dim=3),
    "capped": replace(SHAPE, score_cap=0.5, score_scale=2.0),
    "bare": replace(SHAPE, embed=False, positions=False, decode=False, own_key=True),
}


def drawn(shape, seed=0):
    return shape.model(shape.initial(np.random.default_rng(seed)))


def in_loops(tensors, options, context, query):
    """One example, a number at a time, in Python's floats."""
    w, b = tensors["embedding"].tolist(), tensors["embedding_bias"].tolist()
    rows = []
    for place, vector in enumerate([query, *context]):
        row = []
        for i in range(len(b)):
            angle = place / 10000 ** ((i - i % 2) / len(b))
            wave = (math.cos(angle) if i % 2 else math.sin(angle)) if options["positions"] == "true" else 0.0
            row.append(sum(w[i][j] * float(vector[j]) for j in range(len(vector))) + b[i] + wave)
        rows.append(row)
    total = [0.0] * tensors["output"].shape[1]
    for wq, wk, wv, wo in zip(*(tensors[x].tolist() for x in ("query", "key", "value", "output")), strict=True):

        def times(matrix, vector):
            return [sum(a * x for a, x in zip(row, vector, strict=True)) for row in matrix]

        asked = times(wq, rows[0])
        scores = {s: sum(a * k for a, k in zip(asked, times(wk, rows[s]), strict=True)) for s in range(1, len(rows))}
        scale, cap = float(options["score_scale"]), float(options["score_cap"])
        scores = {s: scale * x if cap == math.inf else cap * math.tanh(scale * x / cap) for s, x in scores.items()}
        scores |= {0: 0.0} if options["own_key"] == "true" else {}
        whole = sum(math.exp(x) for x in scores.values())
        mean = [sum(math.exp(x) / whole * rows[s][i] for s, x in scores.items()) for i in range(len(b))]
        total = [one + more for one, more in zip(total, times(wo, times(wv, mean)), strict=True)]
    return [x + c for x, c in zip(times(tensors["decoder"].tolist(), total), tensors["decoder_bias"], strict=True)]


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("contexts", ["distinct", "shared"])
def test_plain_loops_over_a_weight_file_agree(tmp_path, name, contexts):
    from safetensors import safe_open

    task = uniform_examples(5, N, D, C, contexts=contexts, seed=1)
    model = drawn(VARIANTS[name])
    path = model.save(tmp_path / "layer.safetensors")
    loaded = models.load(path)
    assert loaded == model
    with safe_open(path, framework="numpy") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        options = file.metadata()
    expected = [in_loops(tensors, options, *pair) for pair in zip(task.contexts, task.queries, strict=True)]
    np.testing.assert_allclose(predicted(loaded, task.contexts, task.queries), expected, atol=1e-5)


@pytest.mark.parametrize("header", [{"score_scale": "nan"}, {"score_cap": "-1.0"}, {"own_key": "maybe"}])
def test_a_weight_file_of_another_header_is_refused(tmp_path, header):
    model = drawn(SHAPE)
    whole = {"kind": model.kind, "dtype": model.dtype, **model.header(), **header}
    path = models.weights.write(tmp_path / "layer.safetensors", model.tensors(), whole, {})
    with pytest.raises(InputError, match="a finite score_scale, a positive score_cap"):
        models.load(path)


@pytest.mark.parametrize(
    ("name", "classes", "contexts"),
    [
        ("paper", C, "distinct"),
        ("paper", 0, "shared"),
        ("own_key", C, "shared"),
        ("wide values", 0, "shared"),
        ("capped", C, "distinct"),
        ("bare", 0, "distinct"),
    ],
)
def test_slopes_are_those_of_finite_differences(name, classes, contexts):
    with jax.enable_x64(True):
        task = uniform_examples(7, N, D, classes, contexts=contexts)
        lane = Lane(task, replace(VARIANTS[name], output_dim=task.labels.shape[1]), 0)
        problem = lane.problem(replace(PAPER, batch=8))
        data = tuple(jnp.asarray(x, x.dtype if x.dtype == np.int32 else np.float64) for x in problem.data(lane))
        batch = problem.batch(data, jnp.array([0, 3, 5, -1, 6, 1, -1, -1]))
        tensors = {name: jnp.asarray(x, np.float64) for name, x in problem.start(lane).items()}
        both = jax.jit(jax.value_and_grad(lambda tensors: problem.loss(tensors, batch, jnp.zeros(()))[0]))
        slopes, rng = both(tensors)[1], np.random.default_rng(1)
        way = {name: rng.standard_normal(x.shape) for name, x in tensors.items()}
        ahead, behind = (both({k: x + sign * 1e-5 * way[k] for k, x in tensors.items()})[0] for sign in (1, -1))
        along = sum(float((slopes[k] * way[k]).sum()) for k in way)
        assert along == pytest.approx(float(ahead - behind) / 2e-5, rel=1e-6, abs=1e-8)


def test_pytorch_gives_the_same_logits():
    """The authors' model with all rows, written from its description."""
    torch = pytest.importorskip("torch")
    shape = LayerArchitecture(7, 16, 5, 3, 11)
    model, task = drawn(shape), uniform_examples(9, 7, 16, 11, seed=2)
    tensors = {name: torch.tensor(x) for name, x in model.tensors().items()}
    x = torch.cat([torch.tensor(task.queries)[:, None], torch.tensor(task.contexts)], dim=1)
    x = torch.nn.functional.linear(x, tensors["embedding"], tensors["embedding_bias"])
    place, even = torch.arange(8.0)[:, None], torch.arange(0, 16, 2.0)
    angle = place * torch.exp(-math.log(10000.0) * even / 16)
    waves = torch.zeros(8, 16)
    waves[:, 0::2], waves[:, 1::2] = torch.sin(angle), torch.cos(angle)
    x = x + waves
    out = torch.zeros(9, 8, 16)
    for head in range(3):
        q, k, v = (x @ tensors[name][head].T for name in ("query", "key", "value"))
        scores = q @ k.transpose(1, 2) / 16**0.5
        scores[:, :, 0] = -torch.inf
        out = out + torch.softmax(scores, dim=-1) @ v @ tensors["output"][head].T
    logits = torch.nn.functional.linear(out[:, 0], tensors["decoder"], tensors["decoder_bias"])
    np.testing.assert_allclose(predicted(model, task.contexts, task.queries), logits.numpy(), atol=1e-5)


def test_parameters_are_those_of_the_paper():
    for outputs, count in ((1, 170_625), (100, 177_060)):
        shape = LayerArchitecture(32, 64, 64, 20, outputs)
        tensors = shape.initial(np.random.default_rng(0))
        assert sum(x.size for x in tensors.values()) == count == shape.model(tensors).parameters["total"]
        assert shape.options["score_scale"] == 1 / 8
        assert abs(tensors["query"]).max() == pytest.approx((6 / 128) ** 0.5, rel=1e-2)
        assert abs(tensors["value"]).max() == pytest.approx((6 / 65) ** 0.5, rel=1e-2)


def test_the_paper_s_rate_warms_up_and_falls_to_zero():
    rate = rates(PAPER, 1000)
    assert rate[0] == pytest.approx(1e-5)
    np.testing.assert_allclose(rate[:51], np.linspace(1e-5, 1e-3, 51))
    np.testing.assert_allclose(rate[50:], 5e-4 * (1 + np.cos(np.pi * np.arange(950) / 950)), atol=1e-12)
    assert 0 < rate[-1] < 1e-8


def test_every_epoch_has_every_example_once_and_a_last_batch_that_is_not_full():
    lane = Lane(uniform_examples(70, N, D, C), SHAPE, 3)
    problem = labelling(SHAPE, 70, True, False, replace(PAPER, batch=32, segment=6))
    first, second = islice(problem.feed(lane), 2)
    assert first.shape == (6, 32)
    for epoch in (first[:3], first[3:], second[:3]):
        assert sorted(epoch[epoch >= 0]) == list(range(70))
        assert (epoch[2] >= 0).sum() == 6
    assert not np.array_equal(first[:3], first[3:])


def test_a_batch_that_is_not_full_is_the_mean_over_what_is_there():
    lane = Lane(uniform_examples(9, N, D, C), SHAPE, 0)
    problem = lane.problem(replace(PAPER, batch=8))
    tensors = jax.device_put(problem.start(lane))
    parts = [[0, 4, 7], [0], [4], [7]]
    data = jax.device_put(problem.data(lane))
    fed = [jnp.array(rows + [-1] * (8 - len(rows))) for rows in parts]
    losses = [float(problem.loss(tensors, problem.batch(data, rows), jnp.zeros(()))[0]) for rows in fed]
    assert losses[0] == pytest.approx(np.mean(losses[1:]), rel=1e-5)


def test_a_lane_is_the_same_alone_and_in_company():
    recipe = replace(PAPER, steps=250, epochs=0, batch=32)
    lanes = [Lane(uniform_examples(50, N, D, C, seed=seed), SHAPE, seed) for seed in range(3)]
    together = train(lanes, recipe)
    alone = train(lanes[1:2], recipe)
    assert alone.models[0] == together.models[1] == train(lanes[1:2], recipe).models[0]
    assert together.models[0] != together.models[1]


@pytest.mark.parametrize("classes", [C, 0])
def test_the_weights_of_the_least_loss_are_kept(classes):
    task = uniform_examples(60, N, D, classes)
    shape = replace(SHAPE, output_dim=classes or 1)
    run = train([Lane(task, shape, 0)], replace(PAPER, steps=1500, epochs=0, batch=16, rate=0.1))
    looks, model = run.looks[0], run.models[0]
    assert [look.steps for look in looks] == [0, 500, 1000, 1500]
    least = min(looks, key=lambda look: look.loss)
    assert model.steps == least.steps
    assert model.loss == pytest.approx(least.loss, rel=1e-4)
    assert model.accuracy == pytest.approx(least.accuracy, abs=1e-4)


def test_only_classes_stop_early():
    found = {}
    for classes in (2, 0):
        task = uniform_examples(6, N, D, classes)
        recipe = replace(PAPER, steps=2000, epochs=0, rate=0.02)
        found[classes] = train([Lane(task, replace(SHAPE, output_dim=classes or 1), 0)], recipe)
    assert found[2].models[0].accuracy == 1
    assert found[2].looks[0][-1].steps < 2000 == found[0].looks[0][-1].steps


def test_a_layer_that_stops_between_two_looks_is_kept_as_it_stopped():
    task = uniform_examples(20, 4, 8, 4, contexts="shared", seed=2)
    run = train([Lane(task, LayerArchitecture(4, 8, 8, 3, 4), 0)], replace(BEST, epochs=0))
    assert run.models[0].accuracy == 1
    assert run.looks[0][-1].steps == run.models[0].steps
    assert run.models[0].steps % BEST.evaluate


def test_recipe_best_recalls_more_in_fewer_steps():
    task = uniform_examples(120, 4, 8, 10, contexts="shared")
    shape = LayerArchitecture(4, 8, 8, 3, 10)
    paper, best = (
        train([Lane(task, shape, 0)], recipe).models[0].accuracy
        for recipe in (replace(PAPER, steps=1024, epochs=0), replace(BEST, steps=512))
    )
    assert best > paper + 0.1


def test_what_the_recipes_settle_by_the_number_of_examples():
    assert fitted(PAPER, 10_000).steps == 50_000
    assert fitted(PAPER, 130_000).steps == -(-500 * 130_000 // 256)
    assert (fitted(BEST, BEST.exact).batch, fitted(BEST, BEST.exact).steps) == (None, BEST.steps)
    assert fitted(BEST, BEST.exact + 1).batch == BEST.batch


def test_a_run_takes_the_steps_that_its_examples_ask_for():
    task = uniform_examples(60, N, D, C)
    recipe = replace(BEST, exact=0, batch=20, steps=30, epochs=40, stop=False, segment=10, evaluate=30)
    run = train([Lane(task, SHAPE, 0)], recipe)
    assert len(run.history.loss) == fitted(recipe, 60).steps == 120
    assert run.looks[0][-1].steps == 120


def test_looks_are_at_the_average_that_is_kept():
    task = uniform_examples(60, N, D, C)
    recipe = replace(BEST, exact=0, batch=20, steps=64, epochs=0, keep="loss", evaluate=64, final_rate=BEST.rate)
    run, single = (train([Lane(task, SHAPE, 0)], replace(recipe, average=share)) for share in (0.9, 0))
    assert run.models[0].loss == pytest.approx(run.looks[0][-1].loss, rel=1e-4)
    assert run.models[0].loss != pytest.approx(single.models[0].loss, rel=1e-3)


def test_uniform_examples():
    for contexts in ("distinct", "shared", "permuted"):
        task = uniform_examples(40, N, D, 4, contexts=contexts, bag=5, seed=3)
        again = uniform_examples(40, N, D, 4, contexts=contexts, bag=5, seed=3)
        assert task.contexts.dtype == task.queries.dtype == np.float32
        assert task.shared == (contexts == "shared")
        assert (task.labels.sum(axis=0) == 10).all()
        assert np.array_equal(task.contexts, again.contexts)
        assert np.array_equal(task.labels, again.labels)
        assert 0 <= task.contexts.min() < task.contexts.max() <= 1
    bag = {row.tobytes() for row in task.contexts.reshape(-1, D)}
    assert len(bag) == 5
    assert all(len({row.tobytes() for row in context}) == N for context in task.contexts)
    real = uniform_examples(40, N, D, 0)
    assert (real.classes, real.labels.shape) == (None, (40, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 1}, "classes: expected 0 for real labels, or at least 2, got 1"),
        ({"contexts": "permuted", "bag": 2}, "context: expected at most the 2 vectors"),
        ({"count": 0}, "count: expected at least 1, got 0"),
    ],
)
def test_uniform_examples_refuse(options, message):
    with pytest.raises(InputError, match=message):
        uniform_examples(**{"count": 9, "context": N, "embedding_dim": D} | options)


def test_bits_of_labels():
    rng = np.random.default_rng(0)
    task = uniform_examples(400, N, D, 8)
    assert label_bits(task.labels, task) == 1200
    assert label_bits(rng.standard_normal((400, 8)), task) < 10
    half = np.where(np.arange(400)[:, None] < 200, task.labels, 0.0)
    assert 300 < label_bits(half, task) < 601
    real = uniform_examples(400, N, D, 0)
    noise = rng.standard_normal((400, 1)) * real.labels.std() / 4
    assert label_bits(real.labels + noise, real) == pytest.approx(400 * 2, rel=0.05)
    assert label_bits(np.full((400, 1), 0.5), real) < 1


def test_the_largest_weight_tells_saturation():
    task = uniform_examples(30, N, D, C)
    soft, hard = (replace(drawn(SHAPE), score_scale=scale) for scale in (1e-6, 1e4))
    np.testing.assert_allclose(largest_weights(soft, task), 1 / N, atol=1e-3)
    assert largest_weights(hard, task).shape == (30, H)
    assert np.median(largest_weights(hard, task)) > 0.99


@pytest.mark.parametrize(("heads", "context", "dim"), [(1, 2, 4), (3, 4, 6), (4, 6, 6), (5, 3, 8)])
def test_the_rank_of_attention_features(heads, context, dim):
    """At fixed scores: H(n-1)+1 with one context, min(T, H d) with distinct ones."""
    for shared, expected in ((True, heads * (context - 1) + 1), (False, heads * dim)):
        for head_dim in (1, dim):
            task = random_examples(expected + 5, context, dim, shared=shared, seed=heads)
            layer = generic_heads(task, head_dim, heads, 1.5, np.random.default_rng(0))
            assert rank(features(layer, task)) == expected
            few = random_examples(expected - 1, context, dim, shared=shared, seed=heads)
            assert rank(features(layer, few)) == expected - 1


@pytest.mark.slow
def test_distinct_contexts_are_never_twice_in_memory():
    few, many = peak(2000), peak(130_000)
    assert many - few < 1.25 * 4 * 128_000 * 32 * 64
    assert many < 2.5e9


def test_more_layers_than_memory_holds_are_refused_at_once():
    task = uniform_examples(10, context=2, embedding_dim=4, classes=3)
    with pytest.raises(UnmetError, match="choose fewer seeds"):
        layers(task, seeds=10**11)
    with pytest.raises(InputError, match="seeds: expected at least 1, got 0"):
        layers(task, seeds=[])
