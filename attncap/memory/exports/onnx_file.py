"""ONNX: one file, from token numbers to logits; the vocabulary is in its metadata."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from attncap.archive import Archive
from attncap.errors import UnmetError
from attncap.memory.exports.layers import Layers, Units, laid_out

NEEDS = ("onnxruntime",)
OPSET, IR = 17, 8
RUN = """
import onnxruntime
session = onnxruntime.InferenceSession(folder, providers=["CPUExecutionProvider"])
def logits(tokens):
    return session.run(["logits"], {"tokens": tokens})[0]
"""


class _Graph:
    """Nodes and constants of a graph, in the order of the forward pass."""

    def __init__(self, helper: Any, numpy_helper: Any) -> None:
        self.helper, self.numpy_helper = helper, numpy_helper
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(self.numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def __call__(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        output = name or f"n{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(kind, list(inputs), [output], **attributes))
        return output


def write(memory: Archive, path: Path) -> dict[str, object]:
    """Write the file.

    Raises:
        UnmetError: the package onnx is not installed.
    """
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ModuleNotFoundError as error:
        raise UnmetError(f"onnx: needs the package {error.name}; pip install 'attncap[export]'") from None
    layers = laid_out(memory.model)
    graph = _Graph(helper, numpy_helper)
    encoding = _attention(graph, layers) if isinstance(layers, Layers) else _units(graph, layers)
    silent = layers.silence is not None
    logits = graph("MatMul", encoding, graph.constant(layers.tensors["unembedding"].T), name="" if silent else "logits")
    if silent:
        graph("Add", logits, graph.constant(layers.silence), name="logits")
    size, context = layers.config["vocabulary"], layers.config["context"]
    kind = helper.np_dtype_to_tensor_dtype(layers.tensors["embedding"].dtype)
    built = helper.make_graph(
        graph.nodes,
        "memory",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", context])],
        [helper.make_tensor_value_info("logits", kind, ["batch", size])],
        graph.constants,
    )
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    helper.set_model_props(model, {"vocabulary": json.dumps(memory.task.vocabulary, ensure_ascii=False)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return {"opset": OPSET}


def _attention(graph: _Graph, layers: Layers) -> str:
    """Write the layers, to the encoding that the unembedding reads."""
    tensors, config = layers.tensors, layers.config
    dtype = tensors["embedding"].dtype
    context, heads, head_dim = config["context"], config["heads"], config["head_dim"]
    position = graph.constant(tensors["position"])
    x = graph("Gather", graph.constant(tensors["embedding"]), "tokens", axis=0)
    if layers.residual_position:
        x = graph("Add", x, position)
    mask = graph.constant(np.triu(np.full((context, context), -np.inf, dtype), 1))
    split = graph.constant(np.array([0, context, heads, head_dim], np.int64))
    joined = graph.constant(np.array([0, context, heads * head_dim], np.int64))
    for layer in range(layers.depth):
        read = x if layers.residual_position else graph("Add", x, position)

        def projected(name: str, order: list[int], read: str = read, layer: int = layer) -> str:
            weights = tensors[name][layer].reshape(heads * head_dim, -1)
            if name == "query":
                weights = weights * dtype.type(layers.score_scale)
            mixed = graph("Reshape", graph("MatMul", read, graph.constant(weights.T)), split)
            return graph("Transpose", mixed, perm=order)

        scores = graph("MatMul", projected("query", [0, 2, 1, 3]), projected("key", [0, 2, 3, 1]))
        weights = graph("Softmax", graph("Add", scores, mask), axis=-1)
        mixed = graph("MatMul", weights, projected("value", [0, 2, 1, 3]))
        mixed = graph("Reshape", graph("Transpose", mixed, perm=[0, 2, 1, 3]), joined)
        output = tensors["output"][layer].transpose(0, 2, 1).reshape(heads * head_dim, -1)
        x = graph("Add", x, graph("MatMul", mixed, graph.constant(output)))
        if "up" in tensors:
            units = graph("MatMul", x, graph.constant(tensors["up"][layer].T))
            units = _gelu(graph, graph("Add", units, graph.constant(tensors["bias"][layer])), dtype)
            x = graph("Add", x, graph("MatMul", units, graph.constant(tensors["down"][layer].T)))
    return graph("Gather", x, graph.constant(np.array(context - 1, np.int64)), axis=1)


def _units(graph: _Graph, layers: Units) -> str:
    """Write the gated units, to the encoding that the unembedding reads."""
    tensors = layers.tensors
    x = graph("Gather", graph.constant(tensors["embedding"]), "tokens", axis=0)
    x = graph("Reshape", x, graph.constant(np.array([0, -1], np.int64)))
    gate, up = (graph("MatMul", x, graph.constant(tensors[name].T)) for name in ("gate", "up"))
    if layers.activation == "gelu":
        gate = _gelu(graph, gate, tensors["gate"].dtype)
    return graph("MatMul", graph("Mul", gate, up), graph.constant(tensors["down"].T))


def _gelu(graph: _Graph, x: str, dtype: np.dtype) -> str:
    """Write the tanh form of GELU, which the opset lacks."""

    def number(value: float) -> str:
        return graph.constant(np.array(value, dtype))

    cube = graph("Mul", number(0.044715), graph("Mul", x, graph("Mul", x, x)))
    inner = graph("Tanh", graph("Mul", number(0.7978845608028654), graph("Add", x, cube)))
    return graph("Mul", graph("Mul", number(0.5), x), graph("Add", number(1.0), inner))
