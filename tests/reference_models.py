"""Small random models of every family, written as their folders are; run it to print what transformers says of them.

python -m tests.reference_models        # needs transformers and torch
"""

import json
import re

import numpy as np
from safetensors.numpy import save_file

TEXT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, "vocab_size": 60}
IMAGE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "patch_size": 4}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 20, "vocab_size": 60}
ROPE = {"rope_theta": 500.0, "rope_type": "default"}
CONFIGS = {
    "bert": {
        "model_type": "bert",
        "max_position_embeddings": 20,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        **TEXT,
    },
    "gpt2": {"model_type": "gpt2", "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, **GPT2},
    "llama": {"model_type": "llama", "num_key_value_heads": 2, "rope_parameters": ROPE, "tie_word_embeddings": True},
    "llama untied": {
        "model_type": "llama",
        "num_key_value_heads": 1,
        "tie_word_embeddings": False,
        "attention_bias": True,
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "linear", "factor": 4.0},
    },
    "qwen2": {"model_type": "qwen2", "num_key_value_heads": 2, "rope_parameters": ROPE, "tie_word_embeddings": True},
    "qwen3": {
        "model_type": "qwen3",
        "num_key_value_heads": 2,
        "head_dim": 12,
        "rope_parameters": ROPE,
        "tie_word_embeddings": True,
    },
    "vit": {"model_type": "vit", "image_size": 16, "layer_norm_eps": 1e-12, "intermediate_size": 48, **IMAGE},
    "dinov2": {"model_type": "dinov2", "image_size": 24, "layer_norm_eps": 1e-6, "mlp_ratio": 2, **IMAGE},
}
LLAMAS = ("llama", "llama untied", "qwen2", "qwen3")
for name in LLAMAS:
    CONFIGS[name] = {"hidden_act": "silu", "rms_norm_eps": 1e-6, "max_position_embeddings": 64, **TEXT, **CONFIGS[name]}


def shapes(kind):
    """Every tensor of a folder and its shape."""
    d, ff, layers = 32, 64 if kind == "dinov2" else 128 if kind == "gpt2" else 48, range(2)
    out, heads = {}, {"query": (d, d), "key": (d, d), "value": (d, d)}

    def linear(name, rows, columns, bias=True):
        out[f"{name}.weight"] = (rows, columns)
        if bias:
            out[f"{name}.bias"] = (rows,)

    def norm(name, bias=True):
        out[f"{name}.weight"] = (d,)
        if bias:
            out[f"{name}.bias"] = (d,)

    if kind == "bert":
        out |= {
            f"embeddings.{n}_embeddings.weight": (m, d) for n, m in (("word", 60), ("position", 20), ("token_type", 2))
        }
        norm("embeddings.LayerNorm")
        for layer in layers:
            for part in heads:
                linear(f"encoder.layer.{layer}.attention.self.{part}", d, d)
            linear(f"encoder.layer.{layer}.attention.output.dense", d, d)
            norm(f"encoder.layer.{layer}.attention.output.LayerNorm")
            linear(f"encoder.layer.{layer}.intermediate.dense", ff, d)
            linear(f"encoder.layer.{layer}.output.dense", d, ff)
            norm(f"encoder.layer.{layer}.output.LayerNorm")
        linear("pooler.dense", d, d)
    elif kind == "gpt2":
        out |= {"transformer.wte.weight": (60, d), "transformer.wpe.weight": (20, d)}
        for layer in layers:
            norm(f"transformer.h.{layer}.ln_1")
            norm(f"transformer.h.{layer}.ln_2")
            for name, rows, columns in (
                ("attn.c_attn", d, 3 * d),
                ("attn.c_proj", d, d),
                ("mlp.c_fc", d, ff),
                ("mlp.c_proj", ff, d),
            ):
                out[f"transformer.h.{layer}.{name}.weight"] = (rows, columns)
                out[f"transformer.h.{layer}.{name}.bias"] = (columns,)
        norm("transformer.ln_f")
    elif kind in LLAMAS:
        config = CONFIGS[kind]
        size = config.get("head_dim", 8)
        wide, narrow = 4 * size, config["num_key_value_heads"] * size
        out["model.embed_tokens.weight"] = (60, d)
        for layer in layers:
            stem = f"model.layers.{layer}"
            norm(f"{stem}.input_layernorm", bias=False)
            norm(f"{stem}.post_attention_layernorm", bias=False)
            for part, rows in (("q", wide), ("k", narrow), ("v", narrow)):
                linear(f"{stem}.self_attn.{part}_proj", rows, d, bias=kind in ("qwen2", "llama untied"))
            linear(f"{stem}.self_attn.o_proj", d, wide, bias=kind == "llama untied")
            if kind == "qwen3":
                out |= {f"{stem}.self_attn.{part}_norm.weight": (size,) for part in "qk"}
            for part, rows, columns in (("gate", ff, d), ("up", ff, d), ("down", d, ff)):
                linear(f"{stem}.mlp.{part}_proj", rows, columns, bias=False)
        norm("model.norm", bias=False)
        if kind == "llama untied":
            out["lm_head.weight"] = (60, d)
    else:
        grid = (CONFIGS[kind]["image_size"] // 4) ** 2
        out |= {"embeddings.cls_token": (1, 1, d), "embeddings.position_embeddings": (1, grid + 1, d)}
        out |= {"embeddings.patch_embeddings.projection.weight": (d, 3, 4, 4)}
        out |= {"embeddings.patch_embeddings.projection.bias": (d,)}
        first, second = ("norm1", "norm2") if kind == "dinov2" else ("layernorm_before", "layernorm_after")
        up, down = ("mlp.fc1", "mlp.fc2") if kind == "dinov2" else ("intermediate.dense", "output.dense")
        for layer in layers:
            stem = f"encoder.layer.{layer}"
            norm(f"{stem}.{first}")
            norm(f"{stem}.{second}")
            for part in heads:
                linear(f"{stem}.attention.attention.{part}", d, d)
            linear(f"{stem}.attention.output.dense", d, d)
            linear(f"{stem}.{up}", ff, d)
            linear(f"{stem}.{down}", d, ff)
            if kind == "dinov2":
                out |= {f"{stem}.layer_scale{n}.lambda1": (d,) for n in (1, 2)}
        norm("layernorm")
    return out


def weights(kind, seed=0):
    """Random tensors; norms and scales around one."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, shape in shapes(kind).items():
        near_one = re.search(r"(norm\w*|ln_.|LayerNorm|layernorm\w*)\.weight$|lambda1$", name)
        drawn = rng.standard_normal(shape) * 0.3
        found[name] = (1 + drawn if near_one else drawn).astype(np.float32)
    return found


def write(kind, folder, dtype=np.float32):
    """Write a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIGS[kind]))
    save_file({name: tensor.astype(dtype) for name, tensor in weights(kind).items()}, folder / "model.safetensors")
    return folder


def inputs(kind, seed=1):
    """Two texts of 12 tokens, or two images of 16 x 16 (DINOv2's positions are those of 24 x 24)."""
    rng = np.random.default_rng(seed)
    if "patch_size" in CONFIGS[kind]:
        return rng.standard_normal((2, 3, 16, 16)).astype(np.float32)
    return rng.integers(0, 60, (2, 12))


def main():
    import tempfile
    from pathlib import Path

    import torch
    import transformers

    names = {"bert": "BertModel", "gpt2": "GPT2LMHeadModel", "vit": "ViTModel", "dinov2": "Dinov2Model"}
    names |= {kind: f"{kind.split()[0].capitalize()}ForCausalLM" for kind in LLAMAS}
    print(f"# transformers {transformers.__version__}, torch {torch.__version__}")
    for kind, name in names.items():
        folder = write(kind, Path(tempfile.mkdtemp()) / "model")
        model = getattr(transformers, name).from_pretrained(folder, attn_implementation="eager").eval()
        given = torch.tensor(inputs(kind))
        with torch.no_grad():
            out = model(given, output_hidden_states=True, output_attentions=True)
        first = out.hidden_states[1][1, -1, :4]
        last = (out.logits if "logits" in out else out.last_hidden_state)[1, -1, :4]
        seen = out.attentions[1][1, 3, -1, :4]
        print(f'    "{kind}": (')
        for row in (first, last, seen):
            print(f"        [{', '.join(f'{value:.7g}' for value in row.tolist())}],")
        print("    ),")


if __name__ == "__main__":
    main()
