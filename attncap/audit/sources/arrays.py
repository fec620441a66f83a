""".npz files: contexts and queries of any model, or a model's weights with their header."""

import json
import zipfile
from pathlib import Path

import numpy as np

from attncap.audit.sources.checkpoint import Checkpoint
from attncap.audit.sources.tokenizers import from_glassllm
from attncap.errors import InputError

HEADER = "__config__"


def open_npz(path: Path) -> dict[str, np.ndarray] | Checkpoint:
    """Open a file: its contexts and queries as they are, or a checkpoint.

    Raises:
        InputError: no whole .npz file, or one that holds neither.
    """
    try:
        # Objects would be unpickled, which can run code.
        with np.load(path, allow_pickle=False) as opened:
            names = set(opened.files)
            wanted = {"contexts", "queries"} if {"contexts", "queries"} <= names else names
            arrays = {name: opened[name] for name in wanted}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError, AttributeError) as error:
        raise InputError(f"{path}: not an .npz file of plain arrays ({error})") from None
    if {"contexts", "queries"} <= names:
        return arrays
    if HEADER not in names:
        raise InputError(f"{path}: expected contexts (T, n, d) and queries (T, d), got {', '.join(sorted(names))[:80]}")
    header = json.loads(str(arrays.pop(HEADER)))
    sizes = {name: array.size for name, array in arrays.items()}
    tokenizer = from_glassllm(path.with_suffix(".tokenizer.json"))
    stored = sum(array.nbytes for array in arrays.values())
    return Checkpoint(str(path), "glassllm", header, sizes, arrays.__getitem__, tokenizer, stored)
