"""How weights are stored: whole numbers with scales, and only the rows in use."""

import json
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open
from safetensors.numpy import save_file

from attncap import archive, construct, measure, memory, models, tasks
from attncap.errors import InputError
from attncap.models.layout import LEAST, rounded, runs, scales
from attncap.models.precision import computing, storage
from tests.test_models import random_model

MATRICES = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-1e6, 1e6))


@settings(max_examples=60, deadline=None)
@given(tensor=MATRICES, name=st.sampled_from(["embedding", "query"]))
def test_rounding_is_to_whole_numbers_times_scales_and_twice_is_once(tensor, name):
    scale, found = scales(name, tensor), rounded(name, tensor)
    numbers = found / scale
    np.testing.assert_array_equal(numbers, np.rint(numbers))
    assert np.abs(numbers).max() <= 127
    np.testing.assert_array_equal(scale, scale.astype(ml_dtypes.bfloat16))
    np.testing.assert_array_equal(found, found.astype(np.float32))
    np.testing.assert_array_equal(rounded(name, found), found)
    np.testing.assert_array_equal(rounded(name, found.astype(np.float32)), found)
    # The largest is moved by a quarter of a step, others by a half; what is tiny is zero.
    assert (np.abs(found - tensor) <= 0.5 * scale + 127 * LEAST).all()


def test_a_column_of_the_embedding_has_a_scale_of_its_own():
    model = random_model().astype("float64")
    wide = replace(model, embedding=model.embedding * np.array([1.0, 10.0, 100.0, 1000.0]))
    apart = np.abs(wide.astype("int8").embedding - wide.embedding).max(axis=0) / np.abs(wide.embedding).max(axis=0)
    assert (apart < 0.6 / 127).all()


@pytest.mark.parametrize("kind", ["aot", "transformer"])
def test_int8_comes_back_and_takes_a_byte_a_number(tmp_path, kind):
    model = random_model().astype("int8")
    if kind == "transformer":
        units = {"up": np.ones((1, 0, 4)), "bias": np.ones((1, 0)), "down": np.ones((1, 4, 0))}
        plain = random_model().tensors()
        stacked = {name: tensor[None] if tensor.ndim == 3 else tensor for name, tensor in plain.items()}
        model = models.Transformer(**stacked, **units).astype("int8")
    again = models.load(model.save(tmp_path))
    assert again == model
    assert (again.dtype, again.ready().dtype, again.astype("float64").dtype) == ("int8", "float32", "float64")
    assert computing(storage("int8")) == np.float32
    with safe_open(tmp_path / "model.safetensors", framework="numpy") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert {tensor.dtype.name for name, tensor in stored.items() if not name.endswith(".scale")} == {"int8"}
    assert sum(tensor.nbytes for tensor in stored.values()) == model.bytes
    # Two columns of scales, and one for each other tensor.
    assert model.bytes == model.parameters["total"] + 2 * (2 * 4 + len(model.tensors()) - 2)
    np.testing.assert_array_equal(stored["embedding"] * stored["embedding.scale"].astype(float), model.embedding)


def test_a_model_that_says_int8_holds_it():
    model = random_model().astype("int8")
    with pytest.raises(InputError, match="whole numbers times scales"):
        replace(model, embedding=model.embedding * 1.01 + 0.003)
    layer = models.AttentionLayer(*(np.ones(size) for size in [(5, 2, 4)] * 2 + [(5, 3, 4), (5, 6, 3)]))
    with pytest.raises(InputError, match="dtype: expected a floating-point type"):
        layer.astype("int8")


@settings(max_examples=60, deadline=None)
@given(tokens=st.sets(st.integers(0, 30), min_size=1))
def test_runs_name_every_token_once(tokens):
    found = runs(np.array(sorted(tokens)))
    assert [token for first, end in found.tolist() for token in range(first, end)] == sorted(tokens)
    assert (found[1:, 0] > found[:-1, 1]).all()


READ, ANSWERED = np.array([0, 1, 2, 5]), np.array([3, 4, 6])


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "int8"])
def test_only_the_rows_in_use_are_stored(tmp_path, dtype):
    model = random_model().in_rows(READ, ANSWERED).astype(dtype)
    again = models.load(model.save(tmp_path))
    assert again == model
    assert model.parameters["total"] == random_model().parameters["total"] - 4 * (3 + 4)
    with safe_open(tmp_path / "model.safetensors", framework="numpy") as file:
        assert file.get_tensor("embedding_rows").tolist() == [[0, 3], [5, 6]]
        assert (file.get_tensor("embedding").shape, file.get_tensor("unembedding").shape) == ((4, 4), (3, 4))
        assert sum(file.get_tensor(name).nbytes for name in file.keys()) == model.bytes  # noqa: SIM118
    whole = again.in_rows()
    assert (whole.embedding_rows, whole.unembedding_rows) == (None, None)
    assert not whole.unembedding[[0, 1, 2, 5]].any()


def test_a_token_without_a_row_is_never_answered():
    model, sequences = random_model(), np.random.default_rng(0).integers(7, size=(40, 3))
    few = model.in_rows(None, ANSWERED)
    logits = few.forward(sequences)
    assert np.isneginf(np.delete(logits, ANSWERED, axis=1)).all()
    np.testing.assert_array_equal(logits[:, ANSWERED], model.forward(sequences)[:, ANSWERED])
    # Zeros are no such promise: where all answers are below zero, a token whose row is zero wins.
    assert (few.in_rows().forward(sequences).argmax(axis=1) != logits.argmax(axis=1)).any()


def test_measures_leave_absent_tokens_out():
    """A model whose answers' logits are all negative: zeros would win, absent tokens do not."""
    fit = construct.joint(tasks.random_associations(12, 2, 30), 4, heads=4)
    task, model = fit.task, fit.model
    sunk = replace(model, unembedding=model.unembedding - 50 * np.linalg.pinv(model.encode(task.sequences)).sum(axis=1))
    few = sunk.in_rows(None, measure.answers_in_use(task)) if sunk.unembedding_rows is None else sunk
    assert measure.recall(few, task).correct == 30
    assert measure.bits(few, task) == task.bits
    found = measure.verify(few, task, ("float64",))["float64"]
    assert found.certified
    assert measure.degrees_of_freedom(few, task) <= measure.parameters_in_use(few, task)
    absent = tasks.associations(task.sequences, np.full(30, 0), 12)
    if 0 not in few.candidates:
        assert measure.certify(few, absent).associations == 0


CHANGES = [
    ({"embedding_rows": np.array([[0, 6]], np.int32)}, "embedding has 4 rows; embedding_rows names 6"),
    ({"embedding_rows": np.array([[0, 3], [2, 3]], np.int32)}, "runs of tokens in order, below 7"),
    ({"embedding_rows": np.array([[0, 3], [7, 8]], np.int32)}, "runs of tokens in order, below 7"),
    ({"embedding_rows": np.array([[-1, 3]], np.int32)}, "runs of tokens in order, below 7"),
    ({"embedding_rows": np.arange(4, dtype=np.int32)}, r"int32 of shape \(k, 2\), got int32 \(4,\)"),
    ({"embedding_rows": np.array([[0, 4]])}, r"int32 of shape \(k, 2\), got int64"),
    ({"vocabulary": None}, "no vocabulary in its header"),
    ({"vocabulary": "6"}, "expected"),
    ({"query.scale": np.ones(1, np.float32)}, r"query.scale to be bfloat16 of shape \(1,\), got float32"),
    ({"embedding.scale": np.ones(1, ml_dtypes.bfloat16)}, r"embedding.scale to be bfloat16 of shape \(4,\)"),
    ({"query": np.zeros((5, 2, 4))}, "query is float64; expected int8"),
    ({"query": np.full((5, 2, 4), 100, np.int8)}, "the largest number is not 127"),
    ({"query": np.full((5, 2, 4), -128, np.int8)}, "the largest number is not 127"),
    ({"query.scale": None}, "expected the tensors"),
    ({"query.scale": np.full(1, np.nan, ml_dtypes.bfloat16)}, "query"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_what_does_not_fit_is_refused(tmp_path, change, message):
    random_model().in_rows(READ, ANSWERED).astype("int8").save(tmp_path)
    path = tmp_path / "model.safetensors"
    with safe_open(path, framework="numpy") as file:
        header, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, value in change.items():
        where = header if name == "vocabulary" else tensors
        where[name] = value
        if value is None:
            del where[name]
    save_file(tensors, path, header)
    with pytest.raises(InputError, match=message):
        models.load(path)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A table of facts in int8, on disk."""
    fit = construct.joint(tasks.load("capitals"), 4, heads=3, dtype="int8")
    return fit, archive.read(fit.save(tmp_path_factory.mktemp("small") / "m"))


def test_a_memory_in_int8_is_exact_and_takes_less_than_any_other(small):
    fit, held = small
    found = fit.recall["int8"]
    assert found.accuracy == 1.0
    assert found.certified == measure.certify(held.model, fit.task).certified
    assert measure.recall(held.model, held.task).correct == 250
    assert fit.shape.bytes == held.model.bytes <= 0.3 * held.model.astype("float32").bytes
    assert fit.bits_per["stored_bit"] == pytest.approx(fit.bits / (8 * held.model.bytes))
    assert json.loads((held.path / "result.json").read_text())["recall"]["int8"]["correct"] == 250


def test_it_is_asked_explained_compared_and_changed(small):
    _, held = small
    assert held.ask(["France", "capital"]).answer == "Paris"
    assert memory.explain(held, ["France", "capital"]).margin == pytest.approx(held.ask(["France", "capital"]).margin)
    with pytest.raises(InputError, match="'Lima' is only ever an answer"):
        held.ask(["Lima", "capital"])
    found = memory.edit(held, [("France", "capital", "Lyon"), ("Lima", "capital", "Callao")])
    assert (found.kept, found.memory.model.dtype) == (249, "int8")
    assert found.memory.ask(["Lima", "capital"]).answer == "Callao"
    assert len(found.memory.model.candidates) == len(np.unique(found.memory.task.answers))
    assert memory.compare(held, found.memory).lost == 0


@pytest.mark.parametrize(("count", "tried"), [((8, 2, 14), {"int8"}), ((6, 2, 10), {"int8", "bfloat16"})])
def test_the_smallest_by_bytes_tries_wider_types_where_they_could_be_smaller(monkeypatch, count, tried):
    monkeypatch.setattr("attncap.construct.associations.joint_stages.STEPS", 150)
    fit = construct.smallest(tasks.random_associations(*count), by="bytes", within=60)
    assert {one["dtype"] for one in fit.details["attempts"]} == tried
    assert fit.recall[fit.dtype].accuracy == 1.0
    sizes = [one["bytes"] for one in fit.details["front"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == fit.shape.bytes
