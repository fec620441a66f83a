"""The weight file: safetensors in, safetensors out, everything checked on the way in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

from attncap.errors import InputError
from attncap.models.attention_layer import AttentionLayer
from attncap.models.attention_only import AttentionOnlyTransformer
from attncap.models.precision import DTYPES
from attncap.models.transformer import Transformer

FORMAT = "attncap-1"
FILE = "model.safetensors"
ATTENTION = {
    "embedding": ("N", "d"),
    "position": ("S", "d"),
    "query": ("H", "r", "d"),
    "key": ("H", "r", "d"),
    "value": ("H", "dh", "d"),
    "output": ("H", "d", "dh"),
    "unembedding": ("N", "d"),
}
LAYERS = {name: ("L", *dims) if len(dims) == 3 else dims for name, dims in ATTENTION.items()}
Model = AttentionOnlyTransformer | AttentionLayer


@dataclass(frozen=True)
class Kind:
    """Models of one class: the dimensions of their tensors, and those that may be zero."""

    model: type[Model]
    shapes: Mapping[str, tuple[str, ...]]
    optional: str = ""


KINDS = {
    "aot": Kind(AttentionOnlyTransformer, ATTENTION),
    "transformer": Kind(
        Transformer, LAYERS | {"up": ("L", "w", "d"), "bias": ("L", "w"), "down": ("L", "d", "w")}, optional="w"
    ),
    "mha": Kind(
        AttentionLayer,
        {"query": ("H", "dh", "d"), "key": ("H", "dh", "d"), "value": ("H", "dv", "d"), "output": ("H", "out", "dv")},
    ),
}


def save(model: Model, path: str | Path, metadata: Mapping[str, Any] | None = None) -> Path:
    """Write a model's weights and what is needed to run them.

    Args:
        model: whose weights.
        path: a directory (the file is then model.safetensors in it) or a .safetensors file.
        metadata: what else to keep in the header (seed, method).

    Returns:
        The file written.
    """
    from attncap import __version__
    from attncap.files import replacing

    path = _file(Path(path))
    header = {
        "format": FORMAT,
        "kind": next(name for name, kind in KINDS.items() if kind.model is type(model)),
        "dtype": model.dtype,
        "attncap_version": __version__,
        **{key: str(value) for key, value in (metadata or {}).items()},
    }
    if isinstance(model, AttentionOnlyTransformer):
        header |= {
            "score_scale": repr(model.score_scale),
            "residual_position": str(model.residual_position).lower(),
            "context": str(model.context),
        }
    blob = serialize({name: np.ascontiguousarray(tensor) for name, tensor in model.tensors().items()}, header)
    with replacing(path, force=True) as temporary:
        temporary.write_bytes(_sorted_header(blob))
    return path


def _sorted_header(blob: bytes) -> bytes:
    """Order the keys of the header, which safetensors writes in random order: same weights, same bytes."""
    end = 8 + int.from_bytes(blob[:8], "little")
    ordered = json.dumps(json.loads(blob[8:end]), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return blob[:8] + ordered.encode().ljust(end - 8) + blob[end:]


def load(path: str | Path) -> Model:
    """Read a weight file, refusing whatever does not fit.

    Args:
        path: the directory that `save` wrote to, or the file itself.

    Returns:
        The model, of the class that was saved.

    Raises:
        InputError: names the file and the tensor, what was expected and what was got.
    """
    path = _file(Path(path))
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            found, kind = metadata.get("format"), metadata.get("kind", "")
            if found != FORMAT or kind not in KINDS:
                kinds = ", ".join(KINDS)
                raise InputError(
                    f"{path}: expected format {FORMAT!r} and a kind ({kinds}) in its header, got {found!r} and {kind!r}"
                )
            shapes = KINDS[kind].shapes
            if set(file.keys()) != set(shapes):
                raise InputError(f"{path}: expected the tensors {', '.join(shapes)}, got {', '.join(file.keys())}")
            tensors = {name: file.get_tensor(name) for name in shapes}
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror or error})") from None
    except SafetensorError as error:
        raise InputError(f"{path}: not a whole safetensors file ({error})") from None
    sizes = _check(path, tensors, KINDS[kind], metadata.get("dtype"))
    options = _options(path, metadata, sizes["S"]) if "S" in sizes else {}
    return KINDS[kind].model(**tensors, **options)


def _file(path: Path) -> Path:
    return path if path.suffix == ".safetensors" else path / FILE


def _options(path: Path, metadata: Mapping[str, str], context: int) -> dict[str, Any]:
    """Read what the header says of a transformer."""
    try:
        scale = float(metadata.get("score_scale", ""))
    except ValueError:
        scale = float("nan")
    residual = metadata.get("residual_position")
    if not np.isfinite(scale) or residual not in ("true", "false"):
        raise InputError(f"{path}: its header lacks a finite score_scale or a residual_position of true or false")
    if metadata.get("context") != str(context):
        raise InputError(f"{path}: its header says context {metadata.get('context')!r}; position has {context} rows")
    return {"score_scale": scale, "residual_position": residual == "true"}


def _check(path: Path, tensors: Mapping[str, np.ndarray], kind: Kind, dtype: str | None) -> dict[str, int]:
    """Return the sizes by letter, having found every tensor to fit them."""
    if dtype not in DTYPES:
        raise InputError(f"{path}: expected dtype {', '.join(DTYPES)} in its header, got {dtype!r}")
    sizes: dict[str, int] = {}
    for name, dims in kind.shapes.items():
        tensor = tensors[name]
        if tensor.dtype.name != dtype:
            raise InputError(f"{path}: {name} is {tensor.dtype.name}; expected {dtype}, as the header says")
        expected = tuple(sizes.get(dim, dim) for dim in dims)
        if tensor.ndim != len(dims) or any(
            sizes.setdefault(dim, size) != size for dim, size in zip(dims, tensor.shape, strict=True)
        ):
            wanted = ", ".join(map(str, expected))
            raise InputError(f"{path}: {name} has shape {tensor.shape}; expected ({', '.join(dims)}) = ({wanted})")
        empty = any(sizes[dim] == 0 for dim in dims if dim != kind.optional)
        if empty or not np.isfinite(tensor.astype(np.float32)).all():
            raise InputError(f"{path}: {name} is empty or holds a number that is not finite")
    return sizes
