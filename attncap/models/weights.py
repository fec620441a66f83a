"""The weight file: safetensors in, safetensors out, everything checked on the way in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

from attncap.errors import InputError
from attncap.models.precision import DTYPES
from attncap.models.transformer import AttentionOnlyTransformer

FORMAT, KIND = "attncap-1", "aot"
FILE = "model.safetensors"
SHAPES = {
    "embedding": ("N", "d"),
    "position": ("S", "d"),
    "query": ("H", "dh", "d"),
    "key": ("H", "dh", "d"),
    "value": ("H", "dh", "d"),
    "output": ("H", "d", "dh"),
    "unembedding": ("N", "d"),
}


def save(model: AttentionOnlyTransformer, path: str | Path, metadata: Mapping[str, Any] | None = None) -> Path:
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
        "kind": KIND,
        "score_scale": repr(model.score_scale),
        "residual_position": str(model.residual_position).lower(),
        "context": str(model.context),
        "dtype": model.dtype,
        "attncap_version": __version__,
        **{key: str(value) for key, value in (metadata or {}).items()},
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


def load(path: str | Path) -> AttentionOnlyTransformer:
    """Read a weight file, refusing whatever does not fit.

    Args:
        path: the directory that `save` wrote to, or the file itself.

    Returns:
        The model.

    Raises:
        InputError: names the file and the tensor, what was expected and what was got.
    """
    path = _file(Path(path))
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT or metadata.get("kind") != KIND:
                found = f"{metadata.get('format')!r} and {metadata.get('kind')!r}"
                raise InputError(f"{path}: expected format {FORMAT!r} and kind {KIND!r} in its header, got {found}")
            if set(file.keys()) != set(SHAPES):
                raise InputError(f"{path}: expected the tensors {', '.join(SHAPES)}, got {', '.join(file.keys())}")
            tensors = {name: file.get_tensor(name) for name in SHAPES}
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror or error})") from None
    except SafetensorError as error:
        raise InputError(f"{path}: not a whole safetensors file ({error})") from None
    _check(path, tensors, metadata)
    return AttentionOnlyTransformer(
        **tensors,
        score_scale=float(metadata["score_scale"]),
        residual_position=metadata["residual_position"] == "true",
    )


def _file(path: Path) -> Path:
    return path if path.suffix == ".safetensors" else path / FILE


def _check(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    dtype = metadata.get("dtype")
    if dtype not in DTYPES:
        raise InputError(f"{path}: expected dtype {', '.join(DTYPES)} in its header, got {dtype!r}")
    try:
        scale = float(metadata.get("score_scale", ""))
    except ValueError:
        scale = float("nan")
    if not np.isfinite(scale) or metadata.get("residual_position") not in ("true", "false"):
        raise InputError(f"{path}: its header lacks a finite score_scale or a residual_position of true or false")
    sizes: dict[str, int] = {}
    for name, dims in SHAPES.items():
        tensor = tensors[name]
        if tensor.dtype.name != dtype:
            raise InputError(f"{path}: {name} is {tensor.dtype.name}; expected {dtype}, as the header says")
        expected = tuple(sizes.get(dim, dim) for dim in dims)
        if tensor.ndim != len(dims) or any(
            sizes.setdefault(dim, size) != size for dim, size in zip(dims, tensor.shape, strict=True)
        ):
            wanted = ", ".join(map(str, expected))
            raise InputError(f"{path}: {name} has shape {tensor.shape}; expected ({', '.join(dims)}) = ({wanted})")
        if tensor.size == 0 or not np.isfinite(tensor.astype(np.float32)).all():
            raise InputError(f"{path}: {name} is empty or holds a number that is not finite")
    if metadata.get("context") != str(sizes["S"]):
        raise InputError(f"{path}: its header says context {metadata.get('context')!r}; position has {sizes['S']} rows")
