"""TransformerLens 4: a native model of one layer of attention, its state dict and the lines that open it."""

import json
import math
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from attncap.archive import Archive
from attncap.errors import InputError
from attncap.memory.exports.layers import Layers, laid_out

NEEDS = ("transformer_lens", "torch", "safetensors")
MODULE = '''\
"""A memory as a TransformerBridge. Needs TransformerLens 4 and safetensors."""

import json
import pathlib

from safetensors.torch import load_file
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge import TransformerBridge

HERE = pathlib.Path(__file__).parent


def load(folder=HERE):
    """Return the model; its logits at the last position are those of the next token."""
    folder = pathlib.Path(folder)
    config = TransformerBridgeConfig(**json.loads((folder / "config.json").read_text()))
    model = TransformerBridge.boot_native(config)
    state = load_file(folder / "model.safetensors")
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not missing and not unexpected, (missing, unexpected)
    return model


vocabulary = json.loads((HERE / "vocabulary.json").read_text())
'''
RUN = """
import importlib.util, warnings
warnings.filterwarnings("ignore")
spec = importlib.util.spec_from_file_location("memory", folder + "/memory.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
import torch
model = module.load(folder)
def logits(tokens):
    with torch.no_grad():
        return model(torch.from_numpy(tokens))[:, -1].numpy()
"""


def write(memory: Archive, path: Path) -> dict[str, object]:
    """Write model.safetensors, config.json, vocabulary.json and memory.py into a directory.

    The native model divides scores by the root of the head dimension, which goes into the queries; where the skip
    carries no position, the bias of the output takes it out again.

    Raises:
        InputError: several layers, or a perceptron.
    """
    layers = laid_out(memory.model)
    if not isinstance(layers, Layers) or layers.depth > 1 or "up" in layers.tensors:
        got = f"{layers.depth} with perceptrons" if isinstance(layers, Layers) else "a perceptron"
        raise InputError(
            f"{memory.path}: TransformerLens takes one layer of attention, got {got}; export to torch or onnx"
        )
    tensors = {name: tensor.astype(np.float32) for name, tensor in layers.tensors.items()}
    _, heads, head_dim, dim = tensors["value"].shape
    width = heads * head_dim
    scale = np.float32(layers.score_scale * math.sqrt(head_dim))
    bias = np.zeros(dim, np.float32) if layers.residual_position else -tensors["position"][-1]
    state = {
        "embed.weight": tensors["embedding"],
        "pos_embed.weight": tensors["position"],
        "blocks.0.attn.q.weight": scale * tensors["query"][0].reshape(width, dim),
        "blocks.0.attn.k.weight": tensors["key"][0].reshape(width, dim),
        "blocks.0.attn.v.weight": tensors["value"][0].reshape(width, dim),
        "blocks.0.attn.o.weight": tensors["output"][0].transpose(1, 0, 2).reshape(dim, width),
        **{f"blocks.0.attn.{name}.bias": np.zeros(width, np.float32) for name in "qkv"},
        "blocks.0.attn.o.bias": bias,
        "unembed.weight": tensors["unembedding"],
        "unembed.bias": np.zeros(len(tensors["unembedding"]), np.float32) if layers.silence is None else layers.silence,
    }
    config = {
        "n_layers": 1,
        "d_model": dim,
        "n_heads": heads,
        "d_head": head_dim,
        "d_mlp": 4 * dim,
        "n_ctx": len(tensors["position"]),
        "d_vocab": len(tensors["embedding"]),
        "attn_only": True,
        "normalization_type": None,
        "use_attn_scale": False,
        "act_fn": "relu",
        "model_name": "attncap",
    }
    path.mkdir(exist_ok=True)
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in state.items()}, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    words = json.dumps(memory.task.vocabulary, ensure_ascii=False, indent=1)
    (path / "vocabulary.json").write_text(words, encoding="utf-8")
    (path / "memory.py").write_text(MODULE, encoding="utf-8")
    return {}
