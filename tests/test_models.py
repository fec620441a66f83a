"""The forward pass and the weight file."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from attncap import models
from attncap.errors import InputError
from attncap.models import AttentionOnlyTransformer
from attncap.numerics.memory import BUDGET


def random_model(N=7, S=3, d=4, dh=2, H=5, seed=0, **options) -> AttentionOnlyTransformer:
    rng = np.random.default_rng(seed)
    shapes = [(N, d), (S, d), (H, dh, d), (H, dh, d), (H, dh, d), (H, d, dh), (N, d)]
    return AttentionOnlyTransformer(*(rng.standard_normal(shape) for shape in shapes), **options)


def by_loops(w, sequence, scale, residual_position):
    """The forward pass of the weight file's definition, in plain loops over plain numbers."""
    (H, r, d), dh = w["query"].shape, w["value"].shape[1]
    x = [[float(w["embedding"][t][i]) + float(w["position"][s][i]) for i in range(d)] for s, t in enumerate(sequence)]
    out = list(x[-1]) if residual_position else [float(v) for v in w["embedding"][sequence[-1]]]
    for h in range(H):
        q = [sum(float(w["query"][h][k][i]) * x[-1][i] for i in range(d)) for k in range(r)]
        keys = [[sum(float(w["key"][h][k][i]) * xs[i] for i in range(d)) for k in range(r)] for xs in x]
        scores = [scale * sum(a * b for a, b in zip(q, key, strict=True)) for key in keys]
        weights = [math.exp(score - max(scores)) for score in scores]
        mean = [sum(a * xs[i] for a, xs in zip(weights, x, strict=True)) / sum(weights) for i in range(d)]
        value = [sum(float(w["value"][h][k][i]) * mean[i] for i in range(d)) for k in range(dh)]
        for i in range(d):
            out[i] += sum(float(w["output"][h][i][k]) * value[k] for k in range(dh))
    return [sum(float(row[i]) * out[i] for i in range(d)) for row in w["unembedding"]]


@given(seed=st.integers(0, 1000), residual=st.booleans(), scale=st.floats(0.1, 3.0), context=st.integers(1, 4))
@settings(max_examples=25)
def test_forward_matches_plain_loops(seed, residual, scale, context):
    model = random_model(S=context, seed=seed, residual_position=residual, score_scale=scale)
    sequences = np.random.default_rng(seed).integers(7, size=(6, context))
    expected = [by_loops(model.tensors(), row, scale, residual) for row in sequences.tolist()]
    np.testing.assert_allclose(model.forward(sequences), expected, rtol=1e-10, atol=1e-10)


def test_chunks_do_not_change_the_answers(monkeypatch):
    model, sequences = random_model(), np.random.default_rng(0).integers(7, size=(50, 3))
    whole = np.concatenate([logits for _, logits in model.logits(sequences)])
    monkeypatch.setattr(
        models.attention_only, "chunks", lambda count, size: models.chunks(count, size, budget=7 * size)
    )
    pieces = [logits for _, logits in model.logits(sequences)]
    assert max(map(len, pieces)) == 7
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=1e-12, atol=1e-12)


def test_memory_of_a_chunk_is_bounded_for_any_size():
    for size in (1, 10**6, 10**12):
        assert all((piece.stop - piece.start) * size <= max(size, BUDGET) for piece in models.chunks(3, size))


@pytest.mark.parametrize("dtype", models.DTYPES)
def test_weights_come_back_as_they_were(tmp_path, dtype):
    model = random_model(score_scale=0.5, residual_position=False).astype(dtype)
    models.save(model, tmp_path, {"seed": 3, "method": "theorem"})
    again = models.load(tmp_path)
    assert (again.score_scale, again.residual_position, again.dtype) == (0.5, False, dtype)
    for name, tensor in model.tensors().items():
        assert again.tensors()[name].tobytes() == tensor.tobytes()


def test_every_kind_of_model_comes_back(tmp_path):
    rng = np.random.default_rng(0)
    plain = random_model().tensors()
    stacked = {name: tensor[None] if tensor.ndim == 3 else tensor for name, tensor in plain.items()}
    layer = models.AttentionLayer(*(rng.standard_normal(size) for size in [(5, 2, 4)] * 2 + [(5, 3, 4), (5, 6, 3)]))
    for units in (0, 8):
        perceptron = {"up": np.ones((1, units, 4)), "bias": np.ones((1, units)), "down": np.ones((1, 4, units))}
        for model in (models.Transformer(**stacked, **perceptron), layer):
            models.save(model, tmp_path)
            again = models.load(tmp_path)
            assert type(again) is type(model)
            for name, tensor in model.tensors().items():
                np.testing.assert_array_equal(again.tensors()[name], tensor)


def test_same_weights_same_bytes(tmp_path):
    one, other = (models.save(random_model(), tmp_path / name, {"seed": 3, "method": "x"}) for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_the_header_follows_the_format(tmp_path):
    blob = models.save(random_model().astype("float32"), tmp_path, {"seed": 3, "method": "theorem"}).read_bytes()
    header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])["__metadata__"]
    assert header["format"] == "attncap-1"
    assert header["kind"] == "aot"
    assert {"score_scale", "residual_position", "context", "dtype", "seed", "method", "attncap_version"} <= set(header)


def test_bfloat16_computes_in_float32():
    ready = random_model().astype("bfloat16").ready()
    assert ready.dtype == "float32"
    assert ready.forward(np.zeros((1, 3), int)).dtype == np.float32


METADATA = {
    "format": "attncap-1",
    "kind": "aot",
    "score_scale": "1.0",
    "residual_position": "true",
    "context": "3",
    "dtype": "float64",
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": {"format": "pt"}}, "expected format 'attncap-1'"),
        ({"metadata": {"kind": "mlp"}}, r"a kind \(aot, transformer, mha\) in its header, got 'attncap-1' and 'mlp'"),
        ({"metadata": {"dtype": "float16"}}, "expected dtype"),
        ({"metadata": {"dtype": "float32"}}, "embedding is float64; expected float32"),
        ({"metadata": {"context": "4"}}, "position has 3 rows"),
        ({"metadata": {"score_scale": "nan"}}, "finite score_scale"),
        ({"metadata": {"score_scale": "__import__('os')"}}, "finite score_scale"),
        ({"metadata": {"residual_position": "maybe"}}, "residual_position"),
        ({"embedding": np.zeros((7, 5))}, r"position has shape \(3, 4\); expected \(S, d\) = \(S, 5\)"),
        ({"unembedding": np.zeros((6, 4))}, r"unembedding has shape \(6, 4\); expected \(N, d\) = \(7, 4\)"),
        ({"output": np.zeros((5, 2, 4))}, r"output has shape \(5, 2, 4\); expected \(H, d, dh\) = \(5, 4, 2\)"),
        ({"query": np.zeros((5, 8))}, r"query has shape \(5, 8\)"),
        ({"value": np.full((5, 2, 4), np.nan)}, "value is empty or holds a number that is not finite"),
        ({"extra": np.zeros(1)}, "expected the tensors"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, change, message):
    tensors = random_model().tensors() | {k: v for k, v in change.items() if k != "metadata"}
    save_file(tensors, tmp_path / "model.safetensors", METADATA | change.get("metadata", {}))
    with pytest.raises(InputError, match=message):
        models.load(tmp_path)


def test_truncated_foreign_and_missing_files(tmp_path):
    path = models.save(random_model(), tmp_path / "m.safetensors")
    for size in (0, 7, 100, path.stat().st_size - 1):
        cut = tmp_path / "cut.safetensors"
        cut.write_bytes(path.read_bytes()[:size])
        with pytest.raises(InputError, match="not a whole safetensors file"):
            models.load(cut)
    (tmp_path / "cut.safetensors").write_bytes(b"\x80\x04 a pickle, say")
    with pytest.raises(InputError, match="safetensors"):
        models.load(tmp_path / "cut.safetensors")
    with pytest.raises(InputError, match=r"cannot read|not a whole"):
        models.load(tmp_path / "none")
    save_file({"a": np.zeros(2)}, tmp_path / "cut.safetensors")
    with pytest.raises(InputError, match="got None and ''"):
        models.load(tmp_path / "cut.safetensors")


def test_parameters_are_counted_by_part():
    model = random_model()
    assert model.parameters["total"] == sum(tensor.size for tensor in model.tensors().values())
    assert model.parameters["total"] == 4 * (3 + 2 * 7 + 4 * 2 * 5)
    assert replace(model, score_scale=2.0).parameters == model.parameters
