""".npz files: contexts and queries of any model, or a model's weights with their header."""

from pathlib import Path

import numpy as np

from attncap.audit.sources.checkpoint import Checkpoint
from attncap.audit.sources.tokenizers import from_glassllm
from attncap.data.arrays import read_arrays
from attncap.data.json_text import parse_json
from attncap.errors import InputError

HEADER, EXAMPLES = "__config__", ("contexts", "queries")


def open_npz(path: Path) -> dict[str, np.ndarray] | Checkpoint:
    """Open a file: its contexts and queries as they are, or a checkpoint.

    Raises:
        InputError: no whole .npz file, or one that holds neither.
    """
    arrays = read_arrays(path, EXAMPLES)
    if len(arrays) == len(EXAMPLES):
        return arrays
    arrays = read_arrays(path)
    if HEADER not in arrays:
        raise InputError(
            f"{path}: expected contexts (T, n, d) and queries (T, d), got {', '.join(sorted(arrays))[:80]}"
        )
    header = parse_json(f"{path}: {HEADER}", str(arrays.pop(HEADER)))
    if not isinstance(header, dict):
        raise InputError(f"{path}: {HEADER}: expected an object {{...}}")
    sizes = {name: array.size for name, array in arrays.items()}
    tokenizer = from_glassllm(path.with_suffix(".tokenizer.json"))
    stored = sum(array.nbytes for array in arrays.values())
    return Checkpoint(str(path), "glassllm", header, sizes, arrays.__getitem__, tokenizer, stored)
