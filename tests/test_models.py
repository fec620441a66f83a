"""The forward pass and the weight file."""

import ast
import graphlib
import inspect
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

import attncap
from attncap import models
from attncap.errors import InputError
from attncap.models import AttentionOnlyTransformer
from attncap.numerics.memory import BUDGET


def random_model(N=7, S=3, d=4, dh=2, H=5, r=2, seed=0, **options) -> AttentionOnlyTransformer:
    rng = np.random.default_rng(seed)
    shapes = [(N, d), (S, d), (H, r, d), (H, r, d), (H, dh, d), (H, d, dh), (N, d)]
    return AttentionOnlyTransformer(*(rng.standard_normal(shape) for shape in shapes), **options)


def by_loops(w, sequence, scale, residual_position):
    """The forward pass of the weight file's definition, in plain loops over plain numbers."""
    H, dh, d = w["value"].shape
    r = w["query"].shape[1]
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


def random_perceptron(N=7, S=3, d=4, w=5, seed=0, activation="gelu") -> models.Perceptron:
    rng = np.random.default_rng(seed)
    shapes = [(N, d), (w, S, d), (w, S, d), (d, w), (N, d)]
    return models.Perceptron(*(rng.standard_normal(shape) for shape in shapes), activation)


def perceptron_by_loops(w, sequence, activation):
    """The forward pass of gated units, in plain loops over plain numbers."""
    units, positions, d = w["gate"].shape
    encoded = [0.0] * d
    for j in range(units):
        gate, up = (
            sum(
                float(w[name][j][s][i]) * float(w["embedding"][sequence[s]][i])
                for s in range(positions)
                for i in range(d)
            )
            for name in ("gate", "up")
        )
        if activation == "gelu":
            gate = 0.5 * gate * (1 + math.tanh(math.sqrt(2 / math.pi) * (gate + 0.044715 * gate**3)))
        for i in range(d):
            encoded[i] += float(w["down"][i][j]) * gate * up
    return [sum(float(row[i]) * encoded[i] for i in range(d)) for row in w["unembedding"]]


@given(seed=st.integers(0, 1000), activation=st.sampled_from(models.ACTIVATIONS), context=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_a_perceptron_matches_plain_loops_and_the_sum_of_its_units(seed, activation, context):
    model = random_perceptron(S=context, seed=seed, activation=activation)
    sequences = np.random.default_rng(seed).integers(7, size=(6, context))
    expected = [perceptron_by_loops(model.tensors(), row, activation) for row in sequences.tolist()]
    np.testing.assert_allclose(model.forward(sequences), expected, rtol=1e-10, atol=1e-10)
    parts = sum(model.parts_of(sequences).values())
    np.testing.assert_allclose(parts @ model.unembedding.T, expected, rtol=1e-10, atol=1e-10)
    other = model.with_readout(2 * model.readout)
    np.testing.assert_allclose(other.forward(sequences), 2 * np.array(expected), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", models.DTYPES)
def test_a_perceptron_comes_back_as_it_was(tmp_path, dtype):
    model = random_perceptron(activation="identity").astype(dtype)
    models.save(model, tmp_path, {"seed": 3})
    again = models.load(tmp_path)
    assert (type(again), again.activation, again.dtype) == (models.Perceptron, "identity", dtype)
    assert again == model
    assert again.parameters == {"embedding": 28, "perceptron": 5 * 4 * 7, "unembedding": 28, "total": 196}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("activation", "relu", "lacks an activation of gelu or identity"),
        ("context", "2", "'2'; gate reads 3 positions"),
    ],
)
def test_a_perceptron_whose_header_does_not_fit_is_refused(tmp_path, monkeypatch, key, value, said):
    model = random_perceptron()
    header = model.header() | {key: value}
    monkeypatch.setattr(models.Perceptron, "header", lambda self: header)
    models.save(model, tmp_path)
    with pytest.raises(InputError, match=said):
        models.load(tmp_path)
    with pytest.raises(InputError, match="activation: expected gelu or identity, got 'relu'"):
        random_perceptron(activation="relu")


@given(
    seed=st.integers(0, 1000),
    residual=st.booleans(),
    scale=st.floats(0.1, 3.0),
    context=st.integers(1, 4),
    rank=st.integers(1, 2),
)
@settings(max_examples=25, deadline=None)
def test_forward_matches_plain_loops(seed, residual, scale, context, rank):
    model = random_model(S=context, r=rank, seed=seed, residual_position=residual, score_scale=scale)
    sequences = np.random.default_rng(seed).integers(7, size=(6, context))
    expected = [by_loops(model.tensors(), row, scale, residual) for row in sequences.tolist()]
    np.testing.assert_allclose(model.forward(sequences), expected, rtol=1e-10, atol=1e-10)


def test_chunks_do_not_change_the_answers(monkeypatch):
    model, sequences = random_model(), np.random.default_rng(0).integers(7, size=(50, 3))
    whole = np.concatenate([logits for _, logits in model.logits(sequences)])
    monkeypatch.setattr(models.token_model, "chunks", lambda count, size: models.chunks(count, size, budget=7 * size))
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


def test_scores_of_a_smaller_rank_come_back(tmp_path):
    model = random_model(r=1)
    assert (model.query_key_rank, model.head_dim, model.parameters["query_key"]) == (1, 2, 2 * 5 * 4)
    model.save(tmp_path)
    assert models.load(tmp_path) == model


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


def test_a_file_is_what_the_format_says_and_no_more(tmp_path):
    """Written by hand: the header's length, its keys in order, and the tensors by size of type and name."""
    model = random_model(score_scale=0.5, residual_position=False)
    metadata = {"attncap_version": attncap.__version__, "context": "3", "dtype": "float64", "format": "attncap-1"}
    metadata |= {"kind": "aot", "residual_position": "false", "score_scale": "0.5", "seed": "3"}
    header, blob = {"__metadata__": metadata}, b""
    for name, tensor in sorted(model.tensors().items()):
        begin, blob = len(blob), blob + tensor.tobytes()
        header[name] = {"data_offsets": [begin, len(blob)], "dtype": "F64", "shape": list(tensor.shape)}
    text = json.dumps(header, separators=(",", ":")).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    assert model.save(tmp_path, {"seed": 3}).read_bytes() == len(text).to_bytes(8, "little") + text + blob


@pytest.mark.parametrize("key", ["format", "kind", "dtype", "attncap_version", "score_scale", "residual_position"])
def test_metadata_leaves_the_format_alone(tmp_path, key):
    with pytest.raises(InputError, match=f"metadata: {key} is the format's own"):
        random_model().save(tmp_path, {key: "x", "seed": 1})
    assert not list(tmp_path.iterdir())


def test_every_class_is_abstract_or_final():
    """Equinox's rule, which leaves no method to override halfway; and a kind names one class."""

    def below(cls):
        return {one for child in cls.__subclasses__() for one in (child, *below(child))}

    classes = below(models.Model)
    assert classes == {models.TokenModel, *models.kinds.CLASSES}
    for cls in classes:
        assert inspect.isabstract(cls) != getattr(cls, "__final__", False), cls
    for cls in models.kinds.CLASSES:
        assert not cls.__subclasses__()
        assert {name for part in cls.parts.values() for name in part} == set(cls.shapes())
    assert inspect.isabstract(models.Model)
    assert list(models.kinds.KINDS) == ["aot", "transformer", "mha", "embedded-mha", "perceptron"]
    assert "values" not in dir(models.Transformer)


def test_no_circle_among_the_files_of_models():
    """Imports inside functions count."""
    folder = Path(models.__file__).parent
    found = {}
    for path in folder.glob("[!_]*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        named = [(n.module, [a.name for a in n.names]) for n in nodes if isinstance(n, ast.ImportFrom) and n.module]
        inside = {module.removeprefix("attncap.models.") for module, _ in named if module.startswith("attncap.models.")}
        inside |= {name for module, names in named if module == "attncap.models" for name in names}
        found[path.stem] = inside
    assert found["weights"] == {"layout", "precision"}
    assert {"attention_only", "attention_layer", "transformer"} < found["kinds"]
    graphlib.TopologicalSorter(found).prepare()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query": np.zeros((5, 2, 3))}, r"query has shape \(5, 2, 3\); expected \(H, r, d\) = \(H, r, 4\)"),
        ({"output": np.zeros((5, 2, 4))}, r"output has shape \(5, 2, 4\); expected \(H, d, dh\) = \(5, 4, 2\)"),
        ({"unembedding": np.zeros((7, 4), np.float32)}, "unembedding is float32; expected float64"),
        ({"embedding": np.zeros((7, 4), int)}, "embedding is int64; expected an array of float64, float32, bfloat16"),
        ({"embedding": [[0.0] * 4] * 7}, "embedding is list; expected an array"),
        ({"position": np.zeros((0, 4))}, r"position is empty, of shape \(0, 4\)"),
    ],
)
def test_tensors_that_do_not_fit_make_no_model(change, message):
    # The tests' own check of annotations comes before that of a constructor, so the check itself is called.
    model = random_model()
    for name, tensor in change.items():
        object.__setattr__(model, name, tensor)
    with pytest.raises(InputError, match=message):
        model.__post_init__()


def test_a_constructor_checks_its_tensors():
    with pytest.raises(InputError, match="AttentionOnlyTransformer: unembedding is float32; expected float64"):
        replace(random_model(), unembedding=np.zeros((7, 4), np.float32))


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (np.array([[0, 1]]), r"shape \(T, S\) with S = 3, got \(1, 2\)"),
        (np.array([[0, 1, -1]]), "expected tokens 0 to 6, got -1"),
        (np.array([[0, 7, 1]]), "expected tokens 0 to 6, got 7"),
    ],
)
def test_sequences_that_numpy_would_answer_are_refused(sequences, message):
    for ask in (random_model().forward, random_model().logits):
        with pytest.raises(InputError, match=message):
            list(ask(sequences))


def test_a_layer_rounds_its_weights_and_computes_in_float32():
    rng = np.random.default_rng(0)
    layer = models.AttentionLayer(*(rng.standard_normal(size) for size in [(5, 2, 4)] * 2 + [(5, 3, 4), (5, 6, 3)]))
    half = layer.astype("bfloat16")
    assert (half.dtype, half.ready().dtype) == ("bfloat16", "float32")
    contexts, queries = rng.standard_normal((9, 3, 4)), rng.standard_normal((9, 4))
    found = np.concatenate([outputs for _, outputs in half.outputs(contexts, queries)])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, layer.forward(contexts, queries), rtol=0.1, atol=0.1)
    wide = half.ready().forward(contexts.astype(np.float32), queries.astype(np.float32))
    np.testing.assert_allclose(found, wide, rtol=1e-5, atol=1e-5)
    assert layer.parameters == {"query_key": 2 * 5 * 2 * 4, "output_value": 5 * 3 * (4 + 6), "total": 230}


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
        (
            {"metadata": {"kind": "mlp"}},
            r"a kind \(aot, transformer, mha, embedded-mha, perceptron\) in its header, got .* 'mlp'",
        ),
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
        ({"value": np.full((5, 2, 4), np.nan)}, "value holds a number that is not finite"),
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
    assert sum(model.parameters.values()) == 2 * model.parameters["total"]
    assert replace(model, score_scale=2.0).parameters == model.parameters
