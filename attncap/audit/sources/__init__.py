"""Where models come from, one format a file."""

from pathlib import Path

import numpy as np

from attncap.audit.sources.arrays import open_npz
from attncap.audit.sources.checkpoint import Checkpoint, build
from attncap.audit.sources.gguf import open_gguf
from attncap.audit.sources.huggingface import open_folder
from attncap.audit.sources.onnx import open_onnx
from attncap.audit.transformer import Transformer
from attncap.constraints import checked
from attncap.errors import InputError

__all__ = ["Checkpoint", "build", "load"]

FORMATS = {".npz": open_npz, ".gguf": open_gguf, ".onnx": open_onnx}


@checked
def load(path: str | Path) -> Transformer | dict[str, np.ndarray]:
    """Open a model: a Hugging Face folder, a .gguf, an .onnx, or an .npz.

    Args:
        path: where it is on this machine; nothing is fetched.

    Returns:
        The model; of an .npz with ``contexts`` (T, n, d) and ``queries`` (T, d) these arrays.

    Raises:
        InputError: none of these, or a family that is not known.
        UnmetError: the package that reads the format is not installed.
    """
    path = Path(path)
    if path.is_dir():
        return build(open_folder(path))
    if not path.is_file():
        raise InputError(f"{path}: no such model; give a folder or file on this machine (nothing is fetched)")
    if path.suffix not in FORMATS:
        raise InputError(
            f"{path}: expected a Hugging Face folder, .gguf, .onnx or .npz, got {path.suffix or 'a file'!r}"
        )
    found = FORMATS[path.suffix](path)
    return build(found) if isinstance(found, Checkpoint) else found
