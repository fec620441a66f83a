"""Training: the compiled loop against the forward pass, NumPy by hand, and what the paper published."""

import dataclasses
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attncap import measure, tasks, train
from attncap.errors import InputError
from attncap.models import AttentionOnlyTransformer, Transformer
from attncap.train import BEST, PAPER, Architecture
from attncap.train.associations.architecture import initial, model, padded, shares, trimmed
from attncap.train.associations.loss import Batch, evaluate
from attncap.train.associations.pairs import encode_pairs
from attncap.train.associations.problem import Lane, bucket, recalling
from attncap.train.associations.short_contexts import encode_short
from attncap.train.loop.batches import batches
from attncap.train.loop.cost import lane_bytes, lane_seconds
from attncap.train.loop.lanes import train as train_lanes
from attncap.train.loop.recipes import rates

TINY = tasks.random_associations(10, 2, 100, seed=0)
# What is to be memorized whole is trained without forgetting, as `memorize` does.
REMEMBERING = replace(BEST, forget_from=1.0)
FAST = replace(BEST, steps=64)
NO_PERCEPTRON = {"up": (1, 0, 4), "bias": (1, 0), "down": (1, 4, 0)}


def drawn(recipe=PAPER, seed=0, **sizes) -> tuple[Architecture, dict]:
    shape = Architecture(**{"vocabulary": 7, "context": 2, "embedding_dim": 4, "head_dim": 4, "heads": 3, **sizes})
    return shape, initial(recipe, shape, np.random.default_rng(seed))


def all_sequences(vocabulary: int, context: int) -> np.ndarray:
    return np.stack(np.unravel_index(np.arange(vocabulary**context), (vocabulary,) * context), axis=1)


@pytest.mark.parametrize(("depth", "width"), [(1, 0), (1, 5), (3, 0), (2, 5)])
@pytest.mark.parametrize(
    ("context", "head_dim", "residual"), [(1, 4, True), (2, 4, False), (2, 3, True), (2, 6, False), (3, 4, False)]
)
def test_pairs_and_short_contexts_are_the_forward_pass(context, head_dim, residual, depth, width, monkeypatch):
    monkeypatch.setattr("attncap.train.associations.short_contexts.HELD", 50)
    recipe = replace(PAPER, residual_position=residual)
    shape, tensors = drawn(recipe, head_dim=head_dim, context=context, depth=depth, width=width)
    sequences = all_sequences(7, context)
    expected = model(recipe, shape, tensors).encode(sequences)

    @jax.jit
    def on_jax(tensors, sequences):
        built = model(recipe, shape, tensors)
        pairs = [encode_pairs(built)] if context == 2 and depth == 1 else []
        return [built.encode(sequences), encode_short(built, sequences), *pairs]

    for encoded in on_jax(tensors, sequences):
        np.testing.assert_allclose(encoded, expected, atol=1e-5)


@pytest.mark.parametrize(("depth", "heads", "wide"), [(1, 11, False), (1, 12, True), (3, 3, False), (3, 4, True)])
def test_many_heads_start_beside_a_stronger_skip_connection(depth, heads, wide):
    """Twelve heads, in all layers together: they start with less of the sum beside the skip connection."""
    sizes = {"depth": depth, "heads": heads}
    paper, best = drawn(replace(BEST, initialization="paper"), **sizes)[1], drawn(BEST, **sizes)[1]
    gains = {"embedding": 3, "position": 3, "query": 0.5, "key": 0.5, "output": 0.5}
    for name, tensor in best.items():
        np.testing.assert_allclose(tensor, paper[name] * (gains.get(name, 1) if wide else 1), rtol=1e-6)


def test_shared_projections_compose_to_what_the_authors_compute():
    shape, w = drawn(head_dim=6)
    assert shares(PAPER, shape)
    sequences = all_sequences(7, 2)
    x = w["embedding"][sequences] @ w["compression"].T + w["position"]
    total = 0.0
    for q, k, v, o in zip(*(w[name][0] for name in ("query", "key", "value", "output")), strict=True):
        scores = np.einsum("te,tse->ts", x[:, -1] @ q.T, x @ k.T) / np.sqrt(6)
        weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        total += np.einsum("ts,tse->te", weights, x @ v.T) @ o.T
    expected = (w["embedding"][sequences[:, -1]] + total @ w["decompression"].T) @ w["unembedding"].T
    np.testing.assert_allclose(model(PAPER, shape, w).forward(sequences), expected, atol=1e-5)


def test_a_layer_without_perceptron_is_the_attention_only_transformer():
    for residual in (False, True):
        recipe = replace(PAPER, residual_position=residual)
        shape, tensors = drawn(recipe)
        one = model(recipe, shape, tensors)
        assert type(one) is AttentionOnlyTransformer
        empty = {name: np.zeros(size, np.float32) for name, size in NO_PERCEPTRON.items()}
        fields = {name: tensor[None] if tensor.ndim == 3 else tensor for name, tensor in one.tensors().items()}
        deep = Transformer(**fields, **empty, score_scale=one.score_scale, residual_position=residual)
        sequences = all_sequences(7, 2)
        np.testing.assert_allclose(deep.forward(sequences), one.forward(sequences), atol=1e-5)
        assert deep.parameters["total"] == one.parameters["total"]


def test_a_deep_transformer_is_causal_and_counts_its_parameters():
    shape, tensors = drawn(depth=2, width=5)
    built = model(PAPER, shape, tensors)
    assert isinstance(built, Transformer)
    assert (built.depth, built.heads, built.head_dim, built.width) == (2, 3, 4, 5)
    assert built.parameters["total"] == sum(tensor.size for tensor in tensors.values())
    # By hand, position by position.
    sequence = np.array([3, 5])
    stream = tensors["embedding"][sequence].astype(np.float64)
    for layer in range(2):
        x, new = stream + tensors["position"], stream.copy()
        for s in range(2):
            for h in range(3):
                q, k, v, o = (tensors[name][layer, h] for name in ("query", "key", "value", "output"))
                scores = (x[: s + 1] @ k.T) @ (q @ x[s]) / 2
                weights = np.exp(scores) / np.exp(scores).sum()
                new[s] += o @ v @ (weights @ x[: s + 1])
            u = tensors["up"][layer] @ new[s] + tensors["bias"][layer]
            new[s] += tensors["down"][layer] @ (0.5 * u * (1 + np.tanh(np.sqrt(2 / np.pi) * (u + 0.044715 * u**3))))
        stream = new
    np.testing.assert_allclose(built.forward(sequence[None])[0], tensors["unembedding"] @ stream[-1], atol=1e-5)


def test_heads_of_zeros_change_nothing_and_stay_zero():
    shape, tensors = drawn(heads=3)
    assert shape.head_bucket == 4
    wide = padded(tensors, shape)
    assert all(np.array_equal(trimmed(wide, shape)[name], tensor) for name, tensor in tensors.items())
    sequences = jnp.asarray(all_sequences(7, 2))
    answers, ones = jnp.zeros(49, int), jnp.ones(49)
    batch = Batch(sequences, answers, ones / 49, ones)

    def loss(weights):
        return evaluate(model(PAPER, shape, weights).forward(sequences), batch)[0]

    gradient = jax.jit(jax.grad(loss))(wide)
    for tensor in gradient.values():
        if tensor.ndim == 4:
            assert np.all(tensor[:, 3:] == 0)
            assert np.any(tensor[:, :3] != 0)


def test_a_tie_is_not_right_in_training_either():
    """The rule of `attncap.measure.recall`: an answer is right if its logit is the only largest."""
    logits = np.array([[1.0, 1.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 2.0]], np.float32)
    answers = np.array([0, 0, 1, 1])
    weight = np.array([0.25, 0.25, 0.5, 0.0], np.float32)
    right = measure.margins(logits.astype(float), answers) > 0
    ones = np.ones(4, np.float32)
    _, report = evaluate(jnp.asarray(logits), Batch(jnp.zeros((4, 1), int), jnp.asarray(answers), weight, ones))
    assert float(report.accuracy) == weight @ right == 0.25
    assert not report.whole
    _, report = evaluate(jnp.asarray(logits[1:2]), Batch(jnp.zeros((1, 1), int), jnp.asarray([0]), ones[:1], ones[:1]))
    assert report.whole


def test_the_loss_is_the_code_length_of_the_mixture():
    logits = jnp.asarray(np.random.default_rng(0).standard_normal((6, 4)))
    answers, weight, surprisal = jnp.arange(6) % 4, jnp.full(6, 1 / 6), jnp.full(6, 2.0)
    p = np.asarray(jax.nn.softmax(logits))[np.arange(6), np.asarray(answers)]
    for forget, expected in ((None, -np.log(p)), (0.0, -np.log(p)), (3.0, np.log(4 / (p + 0.75)))):
        batch = Batch(answers[:, None], answers, weight, surprisal)
        value, report = jax.jit(evaluate)(logits, batch, forget)
        np.testing.assert_allclose(value, expected.mean(), rtol=1e-5)
        np.testing.assert_allclose(report.loss, -np.log(p).mean(), rtol=1e-5)
        np.testing.assert_allclose(report.accuracy, (logits.argmax(1) == answers).mean(), rtol=1e-6)


def test_what_is_hopeless_costs_its_prior_and_pulls_at_nothing():
    """The gradient of -ln p times p / (p + phi q), and a floor of ln((1 + phi) / (phi q)) where p is zero."""
    logits = jnp.asarray([[0.0, 1.0, -2.0, 0.5], [0.0, 200.0, 0.0, 0.0]], jnp.float32)
    batch = Batch(jnp.zeros((2, 1), int), jnp.zeros(2, int), jnp.ones(2) / 2, jnp.full(2, 2.0))
    p = float(jax.nn.softmax(logits)[0, 0])
    for phi in (0.5, 2.0):
        value, slope = jax.value_and_grad(lambda x, phi: evaluate(x, batch, phi)[0])(logits, jnp.float32(phi))
        slope_ce = jax.grad(lambda x: evaluate(x, batch)[0])(logits)
        expected = (np.log((1 + phi) / (p + phi / 4)) + np.log((1 + phi) / (phi / 4))) / 2
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        np.testing.assert_allclose(slope[0], slope_ce[0] * p / (p + phi / 4), rtol=1e-4)
        np.testing.assert_allclose(slope[1], 0.0, atol=1e-12)


def test_the_paper_recipe_is_the_authors():
    rate = rates(PAPER, 4096)
    lr, low = 0.1, 0.005
    np.testing.assert_allclose(rate, [lr * (lr + (low - lr) * (step // 64) / 64) for step in range(4096)])
    order = batches(PAPER, 100, seed=3)
    first, second = next(order), next(order)
    assert first.shape == second.shape == (64, 256)
    assert np.array_equal(np.sort(first, axis=None), np.sort(second, axis=None))
    assert not np.array_equal(first, second)


def test_a_seed_gives_the_same_model_whatever_is_packed_with_it():
    other = tasks.random_associations(10, 2, 100, seed=9)
    for recipe in (replace(PAPER, steps=64), FAST):
        one, two = Architecture(10, 2, 3, 3, 5), Architecture(10, 2, 3, 3, 7)
        alone = train_lanes([Lane(TINY, one, 1)], recipe).models[0]
        lanes = [
            Lane(other, two, 8),
            Lane(TINY, two, 1),
            Lane(TINY, one, 1),
            Lane(other, one, 1),
            *[Lane(TINY, one, 4)] * 3,
        ]
        packed = train_lanes(lanes, recipe).models[2]
        for name, tensor in alone.model.tensors().items():
            assert np.array_equal(tensor, packed.model.tensors()[name])
        assert alone == packed


def test_adam_by_hand():
    """A full batch of Adam in NumPy's own words, gradient by finite differences of the float64 forward pass."""
    recipe = replace(BEST, steps=2, optimizer="adam", schedule="epochs", final_rate=BEST.rate, stop=False)
    shape = Architecture(4, 2, 2, 2, 1)
    task = tasks.random_associations(4, 2, 16)
    trained = train_lanes([Lane(task, shape, 0)], recipe).models[0].model.tensors()
    w = {k: v.astype(np.float64) for k, v in initial(recipe, shape, np.random.default_rng(0)).items()}

    def loss(weights):
        return -np.mean(
            [
                logits[answer] - np.log(np.exp(logits).sum())
                for logits, answer in zip(
                    model(recipe, shape, weights).forward(task.sequences), task.answers, strict=True
                )
            ]
        )

    m, v = ({name: np.zeros_like(x) for name, x in w.items()} for _ in range(2))
    for step in (1, 2):
        gradient = {name: np.zeros_like(x) for name, x in w.items()}
        for name, x in w.items():
            for index in np.ndindex(x.shape):
                change = np.zeros_like(x)
                change[index] = 1e-5
                gradient[name][index] = (loss({**w, name: x + change}) - loss({**w, name: x - change})) / 2e-5
        for name in w:
            m[name] = 0.9 * m[name] + 0.1 * gradient[name]
            v[name] = 0.999 * v[name] + 0.001 * gradient[name] ** 2
            w[name] -= recipe.rate * (m[name] / (1 - 0.9**step)) / (np.sqrt(v[name] / (1 - 0.999**step)) + 1e-8)
    expected = model(recipe, shape, w).tensors()
    for name, tensor in trained.items():
        np.testing.assert_allclose(tensor, expected[name], atol=2e-3)


def test_training_stops_at_full_recall_and_reports_what_the_measures_say():
    run = train.ensemble(tasks.random_associations(10, 2, 20), embedding_dim=8, heads=2, seeds=[0, 5], steps=512)
    assert np.all(run.steps < 512)
    assert run.recall.tolist() == run.accuracy.tolist() == [1.0, 1.0]
    np.testing.assert_allclose(run.bits, run.task.bits)
    for index, one in enumerate(run.models):
        assert measure.recall(one, run.task).accuracy == 1.0
        assert np.isclose(measure.bits(one, run.task), run.bits[index])
        assert one.parameters["total"] == run.parameters
    assert run.history.loss.shape == run.history.accuracy.shape
    assert np.isfinite(run.history.loss).all()
    for steps, column in zip(run.steps, run.history.accuracy.T, strict=True):
        assert column[steps - 1] < 1
        assert np.all(column[steps:] == 1)


@pytest.mark.parametrize(
    ("context", "sizes", "recipe"),
    [
        (2, {"depth": 2}, replace(PAPER, batch=16, batches=8)),
        (2, {"width": 8, "heads": 1}, REMEMBERING),
        (5, {}, REMEMBERING),
        (1, {}, REMEMBERING),
    ],
)
def test_every_shape_learns(context, sizes, recipe):
    task = tasks.random_associations(8, context, 30 if context > 1 else 8)
    run = train.ensemble(task, **{"embedding_dim": 8, "heads": 2, **sizes}, seeds=1, steps=256, recipe=recipe)
    assert run.bits[0] > 0.6 * task.bits
    assert run.bits_per_parameter[0] == run.bits[0] / run.parameters


@pytest.mark.parametrize(("heads", "published"), [(1, 0.330), (5, 0.497), (13, 0.734)])
def test_experiment_6_of_the_paper(heads, published):
    """N = 10, d = d_h = 2: twenty tasks, one seed each; the standard error of the mean is up to .03."""
    lanes = [
        Lane(tasks.random_associations(10, 2, 100, seed), Architecture(10, 2, 2, 2, heads), seed) for seed in range(20)
    ]
    accuracy = np.mean([one.accuracy for one in train_lanes(lanes, PAPER).models])
    assert accuracy == pytest.approx(published, abs=0.05)


def test_programs_are_shared_by_heads_and_sizes():
    def key(count, heads):
        return recalling(Architecture(50, 3, 4, 4, heads), count, BEST)

    assert key(1000, 9) == key(1020, 16) != key(1000, 17)
    assert all(n <= bucket(n) <= 1.125 * n for n in range(8, 3000))


def test_bad_input_is_refused():
    with pytest.raises(InputError, match=r"^heads: expected at least 1, got 0"):
        train.ensemble(TINY, embedding_dim=2, heads=0)
    with pytest.raises(InputError, match=r"^recipe: expected one of paper, best, got 'papper'; did you mean 'paper'"):
        train.ensemble(TINY, embedding_dim=2, heads=1, recipe="papper")
    with pytest.raises(InputError, match=r"^(seeds|steps): expected at least 1, got 0"):
        train.ensemble(TINY, embedding_dim=2, heads=1, seeds=0)
    lanes = [Lane(TINY, Architecture(10, 2, 2, 2, heads), 0) for heads in (1, 30)]
    with pytest.raises(InputError, match="2 different programs"):
        train_lanes(lanes, BEST)


def test_recipes_are_data():
    assert dataclasses.asdict(PAPER)["batch"] == 256
    assert set(train.RECIPES) == {"paper", "best"}


def test_time_and_memory_are_estimated_from_the_loop():
    def estimates(recipe=PAPER, steps=64, **sizes):
        shape = Architecture(**{"vocabulary": 50, "context": 2, "embedding_dim": 8, "head_dim": 8, "heads": 8, **sizes})
        loop = recalling(shape, 2500, recipe)
        return lane_seconds(loop, steps), lane_bytes(loop)

    seconds, size = estimates()
    assert 0 < seconds < 100
    assert 0 < size < 1 << 30
    larger = [{"heads": 32}, {"width": 512}, {"depth": 4}, {"embedding_dim": 64}, {"vocabulary": 200}, {"steps": 128}]
    for sizes in [*larger, {"recipe": replace(PAPER, batch=4096)}]:
        assert estimates(**sizes)[0] > seconds
    # A step over the whole task keeps more than a batch; so many steps keep no more than one.
    assert estimates(recipe=replace(PAPER, batch=4096))[1] > size == estimates(steps=128)[1]


@pytest.mark.parametrize("recipe", ["best", "paper"])
def test_training_does_not_depend_on_the_process_s_own_precision(recipe):
    arguments = {"embedding_dim": 4, "heads": 1, "seeds": 1, "steps": 64, "recipe": recipe}
    usual = train.ensemble(TINY, **arguments)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        found = train.ensemble(TINY, **arguments)
    assert found.dtype == usual.dtype == "float32"
    np.testing.assert_array_equal(found.history.loss, usual.history.loss)
