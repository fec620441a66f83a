"""The weight file: named tensors and a header in safetensors, everything checked on the way in."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

from attncap.errors import InputError
from attncap.files import replacing
from attncap.models.layout import ROWED, ROWS, SCALE, unpacked
from attncap.models.precision import DTYPES, INT8

FORMAT = "attncap-1"
FILE = "model.safetensors"

Letters = Mapping[str, tuple[str, ...]]  # the sizes of each tensor, by letter


def file_of(path: str | Path) -> Path:
    """Return the weight file of a directory, or the .safetensors file itself."""
    path = Path(path)
    return path if path.suffix == ".safetensors" else path / FILE


def write(
    path: str | Path, tensors: Mapping[str, np.ndarray], header: Mapping[str, str], metadata: Mapping[str, Any]
) -> Path:
    """Write tensors with their header: same weights, same bytes.

    Args:
        path: a directory, or the file itself.
        tensors: by name.
        header: what the format needs.
        metadata: what else to keep, under other names.

    Returns:
        The file.

    Raises:
        InputError: metadata that would replace what the format needs, or a path that cannot be written.
    """
    path = file_of(path)
    header = {"format": FORMAT, "attncap_version": version("attncap"), **header}
    if taken := header.keys() & metadata.keys():
        raise InputError(f"metadata: {', '.join(sorted(taken))} is the format's own; choose another name")
    header |= {key: str(value) for key, value in metadata.items()}
    blob = serialize({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, header)
    with replacing(path, force=True) as temporary:
        temporary.write_bytes(_sorted_header(blob))
    return path


def _sorted_header(blob: bytes) -> bytes:
    """Order the keys of the header, which safetensors writes in random order."""
    end = 8 + int.from_bytes(blob[:8], "little")
    ordered = json.dumps(json.loads(blob[8:end]), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return blob[:8] + ordered.encode().ljust(end - 8) + blob[end:]


def read_header(path: Path) -> dict[str, str]:
    """Return the header of a weight file.

    Raises:
        InputError: no whole file.
    """
    with _opened(path) as file:
        return file.metadata() or {}


def read_tensors(
    path: Path, shapes: Letters, empty: str = "", *, tokens: bool = False
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the tensors of a weight file, refusing whatever does not fit, and how they are stored.

    Args:
        path: the file.
        shapes: the sizes of each tensor, by letter.
        empty: the letter of a size that may be zero.
        tokens: of a model over tokens, whose embeddings may lack rows and whose weights may be int8.

    Returns:
        The tensors, absent rows as zeros; of a model over tokens which rows there are, where some are not, and
        whether they are int8.

    Raises:
        InputError: names the file and the tensor, what was expected and what was got.
    """
    with _opened(path) as file:
        header, names = file.metadata() or {}, set(file.keys())
        known = (*DTYPES, INT8) if tokens else DTYPES
        if (dtype := header.get("dtype")) not in known:
            raise InputError(f"{path}: expected dtype {', '.join(known)} in its header, got {dtype!r}")
        needed = [*shapes, *(name + SCALE for name in shapes if dtype == INT8)]
        optional = {name + ROWS for name in ROWED} if tokens else set()
        if names - optional != set(needed):
            raise InputError(f"{path}: expected the tensors {', '.join(needed)}, got {', '.join(file.keys())}")
        stored = {name: file.get_tensor(name) for name in names}
    size = header.get("vocabulary", "")
    tensors, rows = unpacked(str(path), stored, tuple(shapes), dtype, int(size) if size.isdecimal() else None)
    sizes(str(path), tensors, shapes, empty)
    beside = {name + ROWS: tokens for name, tokens in rows.items()} | {INT8: dtype == INT8}
    return tensors, beside if tokens else {}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror or error})") from None
    except SafetensorError as error:
        raise InputError(f"{path}: not a whole safetensors file ({error})") from None


def sizes(where: str, tensors: Mapping[str, Any], shapes: Letters, empty: str = "") -> dict[str, int]:
    """Return the sizes of tensors by letter, having found them to fit each other.

    Args:
        where: what holds them, the beginning of an error.
        tensors: NumPy's or JAX's.
        shapes: the letters of each.
        empty: the letter of a size that may be zero.

    Raises:
        InputError: names the tensor, what was expected and what was got.

    Example:
        >>> sizes("two", {"a": np.ones((2, 3)), "b": np.ones(3)}, {"a": ("N", "d"), "b": ("d",)})
        {'N': 2, 'd': 3}
        >>> sizes("two", {"a": np.ones((2, 3)), "b": np.ones(4)}, {"a": ("N", "d"), "b": ("d",)})
        Traceback (most recent call last):
        attncap.errors.InputError: two: b has shape (4,); expected (d) = (3)
    """
    found: dict[str, int] = {}
    kinds = [str(getattr(tensor, "dtype", type(tensor).__name__)) for tensor in tensors.values()]
    for (name, letters), kind in zip(shapes.items(), kinds, strict=True):
        if kind not in DTYPES or kind != kinds[0]:
            wanted = kinds[0] if kinds[0] in DTYPES else f"an array of {', '.join(DTYPES)}"
            raise InputError(f"{where}: {name} is {kind}; expected {wanted}")
        shape, known = tensors[name].shape, [str(found.get(letter, letter)) for letter in letters]
        if len(shape) != len(letters) or any(
            found.setdefault(letter, size) != size for letter, size in zip(letters, shape, strict=True)
        ):
            expected = f"({', '.join(letters)}) = ({', '.join(known)})"
            raise InputError(f"{where}: {name} has shape {shape}; expected {expected}")
        if any(found[letter] == 0 for letter in letters if letter != empty):
            raise InputError(f"{where}: {name} is empty, of shape {shape}")
        # Under JAX's tracing there are no numbers yet.
        if isinstance(tensors[name], np.ndarray) and not np.isfinite(tensors[name]).all():
            raise InputError(f"{where}: {name} holds a number that is not finite")
    return found
