"""Theorem-mode construction: the count holds, in every type, on every seed."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from attncap import archive, bounds, construct, measure, tasks
from attncap.construct.associations.random_attention import draw, features, select_heads
from attncap.data.tables import Table
from attncap.errors import InputError, UnmetError
from attncap.models import AttentionOnlyTransformer
from attncap.numerics.linear import minimum_norm
from attncap.tasks import facts, random_associations

from .command import run
from .test_models import by_loops

# N, S, d, dh, H: T0 = H dh + d associations.
SMALL = [(50, 2, 10, 10, 49), (50, 2, 10, 10, 99), (50, 2, 10, 5, 98), (1000, 8, 64, 64, 7), (1000, 8, 64, 64, 15)]
LARGE = [(1000, 8, 64, 16, 56), (1000, 8, 64, 64, 31), (1000, 8, 64, 64, 78)]


def fit_at(N, S, d, dh, H, seed, fraction=1.0, dtype="float32"):
    task = random_associations(N, S, int(fraction * (H * dh + d)), seed)
    return construct.theorem(task, d, dh, H, dtype=dtype, seed=seed)


def exact(fit, *dtypes):
    return all(fit.recall[dtype].accuracy == 1.0 for dtype in dtypes)


@pytest.mark.parametrize("shape", SMALL)
@pytest.mark.parametrize("seed", range(2))
def test_exact_at_the_full_count(shape, seed):
    fit = fit_at(*shape, seed)
    assert fit.capacity["theorem"] == fit.capacity["rank"] == fit.task.associations
    assert exact(fit, "float64", "float32")
    assert fit.certificate["float64"]


@pytest.mark.slow
@pytest.mark.parametrize("shape", SMALL + LARGE)
def test_exact_at_the_full_count_over_ten_seeds(shape):
    assert all(exact(fit_at(*shape, seed), "float64", "float32") for seed in range(10))


@pytest.mark.parametrize("shape", SMALL)
def test_a_tenth_of_slack_is_exact_and_certified_in_bfloat16(shape):
    fit = fit_at(*shape, seed=0, fraction=0.9, dtype="bfloat16")
    assert exact(fit, "float64", "float32", "bfloat16")
    assert all(fit.certificate.values())


@pytest.mark.slow
@pytest.mark.parametrize("shape", SMALL + LARGE)
def test_a_tenth_of_slack_over_ten_seeds(shape):
    assert all(exact(fit_at(*shape, s, fraction=0.9, dtype="bfloat16"), "bfloat16") for s in range(10))


@pytest.mark.parametrize("seed", range(10))
def test_two_dimensions_with_a_pool(seed):
    assert exact(fit_at(10, 2, 2, 2, 49, seed), "float64", "float32")


def test_a_pool_of_heads_saves_what_rounding_would_lose():
    fits = [fit_at(14, 2, 2, 2, 97, seed) for seed in range(6)]
    assert all(exact(fit, "float64", "float32") for fit in fits)
    assert any(fit.details["pool"] for fit in fits)


def test_heads_chosen_from_a_pool_are_far_from_dependent():
    task = random_associations(10, 2, 100, seed=0)
    pool = draw(task, 2, 2, 4 * 49, 8.0, seed=0)

    def smallest(model):
        matrix = features(model, task)
        return np.linalg.svd(matrix / np.linalg.norm(matrix, axis=0), compute_uv=False)[-1]

    chosen = select_heads(pool, task, 49)
    first = replace(pool, **{name: getattr(pool, name)[:49] for name in ("query", "key", "value", "output")})
    assert chosen.heads == 49
    assert smallest(chosen) > 10 * smallest(first)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(20, 2, 2, 2, 199), (28, 2, 2, 2, 391)])
@pytest.mark.parametrize("seed", range(3))
def test_two_dimensions_take_all_sequences(shape, seed):
    assert exact(fit_at(*shape, seed), "float64", "float32")


@given(
    N=st.integers(3, 30),
    S=st.integers(1, 4),
    d=st.integers(2, 12),
    heads=st.integers(1, 12),
    ratio=st.floats(0.1, 1.0),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=40, deadline=None)
def test_the_corrected_count_is_the_rank_of_the_features(N, S, d, heads, ratio, seed):
    dh = max(1, int(ratio * d))
    task = random_associations(N, S, min(N**S, heads * dh + d + 20), seed)
    matrix = features(draw(task, d, dh, heads, beta=2.0, seed=seed), task)
    shape = {"heads": heads, "head_dim": dh, "embedding_dim": d, "vocabulary": N, "context": S}
    count = bounds.value("corrected", **shape, data_rank=task.data_rank, queries=task.queries)
    assert np.linalg.matrix_rank(matrix, tol=1e-9 * np.linalg.norm(matrix, 2)) <= count


@pytest.mark.parametrize(
    ("N", "S", "d", "dh", "H"),
    [(50, 2, 10, 10, 5), (2, 12, 64, 64, 8), (30, 3, 8, 4, 9), (5, 4, 16, 16, 6), (9, 1, 6, 6, 3)],
)
@pytest.mark.parametrize("rank", [None, 1])
def test_the_corrected_count_is_reached(N, S, d, dh, H, rank):
    task = random_associations(N, S, min(N**S, 2 * (H * dh + d)), seed=1)
    models = [draw(task, d, dh, H, beta, seed=0, query_key_rank=rank) for beta in (1.0, 4.0)]
    ranks = [np.linalg.matrix_rank(features(model, task), tol=1e-9) for model in models]
    shape = {"heads": H, "head_dim": dh, "embedding_dim": d, "vocabulary": N, "context": S}
    count = bounds.value("corrected", **shape, data_rank=task.data_rank, queries=task.queries)
    assert max(ranks) == min(count, task.associations)


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("method", ["theorem", "margin"])
def test_queries_and_keys_of_any_rank_suffice(method, rank, tmp_path):
    """Remark 2: d(S + 2N + 2(d_h + r)H) parameters, at the full count for theorem mode."""
    N, S, d, H = 50, 2, 10, 19
    task = random_associations(N, S, 200, seed=0)
    fit = getattr(construct, method)(task, d, heads=H, query_key_rank=rank)
    assert exact(fit, "float64", "float32")
    assert fit.shape.parameters == d * (S + 2 * N + 2 * (d + rank) * H)
    assert (fit.shape.head_dim, fit.shape.query_key_rank) == (d, rank)
    archive.write(fit, tmp_path / "m")
    weights = load_file(tmp_path / "m" / "model.safetensors")
    assert weights["query"].shape == weights["key"].shape == (H, rank, d)
    said = [int(np.argmax(by_loops(weights, row, 1.0, True))) for row in task.sequences[:40].tolist()]
    assert said == task.answers[:40].tolist()
    memory = archive.read(tmp_path / "m")
    assert measure.recall(memory.model, memory.task).correct == 200


def test_the_command_takes_a_rank(tmp_path, capsys):
    words = ["memorize", "random:20,2,60", "--embedding-dim", 8, "--query-key-rank"]
    code, out, _ = run(capsys, *words, 1, "--out", tmp_path / "m", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["shape"]["query_key_rank"] == 1
    assert said["recall"]["float32"]["accuracy"] == 1.0
    code, _, err = run(capsys, *words, 9, "--out", tmp_path / "n")
    assert code == 2
    assert "--query-key-rank: expected 1 to the head dimension 8, got 9" in err
    assert run(capsys, *words, 1, "--method", "train", "--out", tmp_path / "n")[0] == 2


def test_rank_one_counts_as_the_remark_does():
    d, S, N, H = 64, 8, 1000, 156
    zeros = {name: np.zeros((H, 1, d)) for name in ("query", "key")}
    model = AttentionOnlyTransformer(
        embedding=np.zeros((N, d)),
        position=np.zeros((S, d)),
        **zeros,
        value=np.zeros((H, d, d)),
        output=np.zeros((H, d, d)),
        unembedding=np.zeros((N, d)),
    )
    assert model.parameters["total"] == 1_426_432
    square = replace(model, query=model.value, key=model.value)
    assert square.parameters["total"] == 2_684_416


def test_a_table_of_one_relation_and_a_skewed_one():
    rng = np.random.default_rng(0)
    columns = ["s", *(f"r{i}" for i in range(8))]
    rows = [[f"s{i}", *(f"o{int(v)}" for v in rng.geometric(0.02, size=8))] for i in range(250)]
    table = facts(Table("skewed", columns, rows, list(range(250))))
    assert exact(construct.theorem(table, embedding_dim=32, heads=62), "float64", "float32")
    one = facts(Table("one", columns[:2], [row[:2] for row in rows], list(range(250))))
    assert exact(construct.theorem(one, embedding_dim=32, heads=8), "float64", "float32")


def test_constant_answers_do_not_span_the_embedding():
    task = tasks.associations([[i, j] for i in range(20) for j in range(20)], [7] * 200 + [3] * 200, 20)
    assert exact(construct.theorem(task, embedding_dim=16), "float64", "float32")


@pytest.mark.parametrize(
    ("N", "S", "T", "d"), [(10, 1, 10, 64), (10, 1, 10, 10), (3, 2, 9, 12), (40, 2, 30, 64), (2, 1, 2, 2)]
)
def test_short_sequences_and_wide_embeddings(N, S, T, d):
    assert exact(construct.theorem(random_associations(N, S, T, seed=0), embedding_dim=d), "float64", "float32")


def test_heads_default_to_the_smallest_number():
    task = random_associations(1000, 4, 321, seed=0)
    assert construct.theorem(task, embedding_dim=64).shape.heads == 5
    assert construct.theorem(task, embedding_dim=64, dtype="bfloat16").shape.heads == 5
    assert construct.theorem(task, embedding_dim=64, head_dim=16).shape.heads == 17


def test_the_file_gives_the_same_answers_in_plain_loops(tmp_path):
    task = random_associations(30, 3, 80, seed=5)
    archive.write(construct.theorem(task, embedding_dim=8, head_dim=4), tmp_path / "m")
    weights = load_file(tmp_path / "m" / "model.safetensors")
    said = [int(np.argmax(by_loops(weights, row, 1.0, True))) for row in task.sequences.tolist()]
    assert said == task.answers.tolist()
    memory = archive.read(tmp_path / "m")
    assert measure.recall(memory.model, memory.task).correct == 80


def test_same_seed_same_bytes(tmp_path):
    task = random_associations(50, 2, 300, seed=0)
    files = [archive.write(construct.theorem(task, 10, seed=4), tmp_path / name) / "model.safetensors" for name in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()
    other = archive.write(construct.theorem(task, 10, seed=5), tmp_path / "c") / "model.safetensors"
    assert other.read_bytes() != files[0].read_bytes()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"heads": 48}, UnmetError, "48 heads hold 490 associations.*at least 49 heads"),
        ({"heads": 0}, InputError, "heads: expected at least 1, got 0"),
        ({"embedding_dim": 1}, InputError, "embedding_dim: expected at least 2, got 1"),
        ({"head_dim": 11}, InputError, "head_dim: expected 1 to the embedding dimension 10, got 11"),
        ({"head_dim": 0}, InputError, "head_dim"),
        ({"query_key_rank": 11}, InputError, "query_key_rank: expected 1 to the head dimension 10, got 11"),
        ({"query_key_rank": 0}, InputError, "query_key_rank: expected at least 1, got 0"),
        ({"dtype": "float16"}, InputError, "dtype: expected one of float64, float32, bfloat16, got 'float16'"),
    ],
)
def test_shapes_that_cannot_be(options, error, message):
    with pytest.raises(error, match=message):
        construct.theorem(random_associations(50, 2, 500), **{"embedding_dim": 10, **options})


def test_single_tokens_reach_the_embedding_dimension_only():
    with pytest.raises(UnmetError, match="reach 5 associations at embedding dimension 5 with any number of heads"):
        construct.theorem(random_associations(10, 1, 6), embedding_dim=5)


def test_too_large_a_system_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1e8))
    with pytest.raises(UnmetError, match=r"solving 3,000 x 3,008 needs about 0.2 GB of memory, 0.1 GB are free"):
        construct.theorem(random_associations(1000, 8, 3000), embedding_dim=64)


def test_the_result_is_the_json_of_the_contract():
    fit = construct.theorem(random_associations(50, 2, 100), embedding_dim=10)
    result = fit.to_dict()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert {"name", "associations", "vocabulary", "context", "bits"} <= set(result["task"])
    assert {"embedding_dim", "head_dim", "heads", "parameters"} <= set(result["shape"])
    assert set(result["capacity"]) == {"theorem", "rank"}
    assert {"correct", "accuracy", "min_margin"} <= set(result["recall"]["bfloat16"])
    assert result["bits_per_parameter"] * result["shape"]["parameters"] == pytest.approx(result["task"]["bits"])
    assert fit.to_row().height == 1
    assert "100 of 100" in str(fit)


@given(rows=st.integers(1, 30), extra=st.integers(0, 30), seed=st.integers(0, 10_000))
@settings(max_examples=50)
def test_minimum_norm_agrees_with_the_pseudoinverse(rows, extra, seed):
    rng = np.random.default_rng(seed)
    matrix, targets = rng.standard_normal((rows, rows + extra)), rng.standard_normal((rows, 3))
    expected = np.linalg.pinv(matrix) @ targets
    np.testing.assert_allclose(minimum_norm(matrix, targets), expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_minimum_norm_survives_a_rank_deficient_matrix():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((20, 4)) @ rng.standard_normal((4, 30))
    targets = rng.standard_normal((20, 2))
    np.testing.assert_allclose(minimum_norm(matrix, targets), np.linalg.pinv(matrix) @ targets, atol=1e-9)


def test_positions_tell_permuted_prefixes_apart():
    tokens = np.array([[a, b, last] for a in range(4) for b in range(4) for last in range(2)])
    task = tasks.associations(tokens, np.arange(32) % 5, 5)
    model = draw(task, 8, 8, 4, 3.0, seed=0)
    place = {tuple(row): number for number, row in enumerate(tokens)}
    swapped = [place[b, a, last] for a, b, last in tokens]
    blind = features(replace(model, position=np.zeros_like(model.position)), task)
    np.testing.assert_allclose(blind, blind[swapped], atol=1e-12)
    moved = np.linalg.norm(features(model, task) - features(model, task)[swapped], axis=1)
    assert (moved > 1e-3)[tokens[:, 0] != tokens[:, 1]].all()
    assert construct.theorem(task, 8).recall["float32"].accuracy == 1


def test_hard_attention_of_few_heads_confuses_sequences_and_a_lower_beta_is_chosen():
    task = tasks.random_associations(10, 6, 40, seed=0)

    def nearest_pair(beta: float) -> float:
        found = features(draw(task, 20, 20, 1, beta, seed=0), task)
        distances = np.linalg.norm(found[:, None] - found, axis=2)
        return distances[np.triu_indices(40, 1)].min()

    assert nearest_pair(1000.0) < 1e-6 < 1e-2 < nearest_pair(3.0)
    fit = construct.theorem(task, 20, heads=3)
    assert fit.details["beta"] < 1000
    assert fit.recall["float32"].accuracy == 1
