"""A GGUF file, quantized or not: its header, tensors and tokenizer."""

from pathlib import Path
from typing import Any

import numpy as np

from attncap.audit.sources.checkpoint import Checkpoint
from attncap.audit.sources.tokenizers import from_gguf
from attncap.errors import InputError, UnmetError


def open_gguf(path: Path) -> Checkpoint:
    """Open a file; weights of any type that `gguf` reads (F16, Q8_0, Q4_1, ...) become float32.

    Raises:
        InputError: no whole GGUF file.
        UnmetError: `gguf` is not installed.
    """
    try:
        from gguf import GGUFReader
        from gguf.quants import dequantize
    except ModuleNotFoundError:
        raise UnmetError(f"{path}: needs gguf, which is not installed: pip install 'attncap[audit]'") from None
    try:
        reader = GGUFReader(path)
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise InputError(f"{path}: not a whole GGUF file ({error})") from None
    fields = {name: field.contents() for name, field in reader.fields.items()}
    kind = str(fields.get("general.architecture", "?"))
    header: dict[str, Any] = {name.removeprefix(f"{kind}."): value for name, value in fields.items()}
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def read(name: str) -> np.ndarray:
        tensor = tensors[name]
        shape = tuple(int(size) for size in tensor.shape[::-1])
        return dequantize(tensor.data, tensor.tensor_type).reshape(shape)

    sizes = {name: int(tensor.n_elements) for name, tensor in tensors.items()}
    stored = sum(int(tensor.n_bytes) for tensor in tensors.values())
    return Checkpoint(str(path), f"gguf {kind}", header, sizes, read, from_gguf(fields), stored)
