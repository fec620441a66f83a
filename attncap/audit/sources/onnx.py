"""An ONNX file: its weights under the names of the modules that use them, and what only running it tells."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from attncap.audit.sources.checkpoint import Checkpoint
from attncap.errors import InputError, UnmetError

MATRIX = ("MatMul", "Gemm")


def open_onnx(path: Path) -> Checkpoint:
    """Open a file that PyTorch exported.

    Exports name biases and norms, but not the matrices that a MatMul multiplies by: those get the name of the node.
    The number of heads and the positions of the patches are read off a run on one blank input by onnxruntime.

    Raises:
        InputError: no whole ONNX file, weights outside it, or no attention in it.
        UnmetError: onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ModuleNotFoundError:
        raise UnmetError(f"{path}: needs onnx, which is not installed: pip install 'attncap[audit]'") from None
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's own errors
        raise InputError(f"{path}: not a whole ONNX file ({type(error).__name__})") from None
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in stored.values()):
        raise InputError(f"{path}: its weights lie in another file; save it with the weights inside")
    tensors = {name: tensor for name, tensor in stored.items() if not name.startswith("onnx::")}
    turned = set()
    for node in graph.node:
        own = node.input[1] if node.op_type in MATRIX and len(node.input) > 1 else ""
        if own.startswith("onnx::") and own in stored:
            name = module(node.name) + ".weight"
            tensors[name] = stored[own]
            if not any(each.name == "transB" and each.i for each in node.attribute):
                turned.add(name)
    known: dict[str, np.ndarray] = {}
    header = {"layer_norm_eps": _epsilon(graph), "hidden_act": _activation(graph)}
    header |= _run(path, model, known)
    sizes = {name: int(np.prod(tensor.dims)) for name, tensor in tensors.items()}
    sizes |= {name: tensor.size for name, tensor in known.items()}

    def read(name: str) -> np.ndarray:
        if name in known:
            return known[name]
        tensor = numpy_helper.to_array(tensors[name])
        return tensor.T if name in turned else tensor

    return Checkpoint(str(path), "", header, sizes, read, stored=path.stat().st_size)


def module(node: str) -> str:
    """Return the module that a node belongs to.

    Example:
        >>> module("/encoder/layer.0/mlp/fc1/MatMul")
        'encoder.layer.0.mlp.fc1'
    """
    return node.strip("/").rpartition("/")[0].replace("/", ".")


def _run(path: Path, model: Any, known: dict[str, np.ndarray]) -> dict[str, int]:
    """Run the model on a blank input for the shape of its attention, and the positions if they are computed."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise UnmetError(f"{path}: needs onnxruntime, which is not installed: pip install 'attncap[audit]'") from None
    import onnx

    softmax = [node for node in model.graph.node if node.op_type == "Softmax"]
    if not softmax or len(model.graph.input) != 1:
        raise InputError(f"{path}: expected one input and attention with a softmax, got {len(softmax)} softmax nodes")
    dims = [dim.dim_value or 1 for dim in model.graph.input[0].type.tensor_type.shape.dim]
    wanted = [softmax[0].output[0], *(added := _positions(model.graph))]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in wanted)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    blank = np.zeros(dims, dtype=np.float32)
    weights, *positions = session.run(wanted, {model.graph.input[0].name: blank})
    for name, values in zip(added.values(), positions, strict=True):
        known[name] = values
    width = next(iter(known.values())).shape[-1] if known else 0
    found = {"num_attention_heads": int(weights.shape[1]), "num_hidden_layers": len(softmax)}
    return found | ({"hidden_size": width} if width else {})


def _positions(graph: Any) -> dict[str, str]:
    """Return the tensor that is added to the embedding of patches, and the name it has in a checkpoint."""
    for node in graph.node:
        if node.op_type == "Add" and module(node.name).endswith("embeddings") and len(node.input) == 2:
            return {node.input[1]: f"{module(node.name)}.position_embeddings"}
    return {}


def _scalars(graph: Any) -> dict[str, float]:
    from onnx import numpy_helper

    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer if np.prod(tensor.dims) == 1}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return {name: float(value.ravel()[0]) for name, value in found.items() if value.size == 1}


def _epsilon(graph: Any) -> float | None:
    scalars = _scalars(graph)

    def found() -> Iterator[float]:
        for node in graph.node:
            if node.op_type == "LayerNormalization":
                yield next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
            elif node.op_type == "Add" and re.search(r"norm", module(node.name).rpartition(".")[2], re.IGNORECASE):
                yield from (scalars[name] for name in node.input if name in scalars)

    return next(found(), None)


def _activation(graph: Any) -> str:
    kinds = {node.op_type for node in graph.node}
    return "gelu" if "Erf" in kinds or "Gelu" in kinds else "gelu_new" if "Tanh" in kinds else "relu"
