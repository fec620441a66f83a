r"""How a weight file stores tensors: only the rows in use, and in int8 whole numbers with scales.

An int8 tensor is $s q$ with whole $|q| \le 127$ and a scale $s$ in bfloat16, one a column of the embeddings and one for
each other tensor. Products of 7 and 8 bits are exact in float32 and float64, so that the weights are the same in both.
"""

from collections.abc import Mapping

import ml_dtypes
import numpy as np
from jaxtyping import Float, Int

from attncap.errors import InputError
from attncap.models.precision import INT8, storage

LARGEST = 127
# Tensors with a scale a column; they are also those whose rows a file may leave out.
ROWED = ("embedding", "unembedding")
SCALE, ROWS = ".scale", "_rows"
# Below it a scale would lose bits; such numbers count as zeros.
LEAST = 2.0**-100

Rows = Mapping[str, Int[np.ndarray, " n"] | None]


def scales(name: str, tensor: Float[np.ndarray, "*sizes"]) -> Float[np.ndarray, "*columns"]:
    """Return the scales with which the largest number of each column (or of the tensor) becomes 127.

    Scales have 8 significant bits, which moves the largest number by less than a quarter.
    """
    largest = np.abs(tensor).max(axis=0 if name in ROWED else None, initial=0.0)
    found = (largest / LARGEST).astype(ml_dtypes.bfloat16).astype(tensor.dtype)
    return np.atleast_1d(np.where(found > LEAST, found, np.ones_like(found)))


def whole_numbers(name: str, tensor: Float[np.ndarray, "*sizes"]) -> Float[np.ndarray, "*sizes"]:
    """Return $q$, in the tensor's type."""
    # No negative zeros, which whole numbers lack.
    return np.clip(np.rint(tensor / scales(name, tensor)), -LARGEST, LARGEST) + 0.0


def rounded(name: str, tensor: Float[np.ndarray, "*sizes"]) -> Float[np.ndarray, "*sizes"]:
    """Round a tensor to what int8 stores, $s q$, in its own type; twice is the same as once.

    Example:
        >>> rounded("query", np.array([[1.0, -0.3, 127.0]])).tolist()
        [[1.0, 0.0, 127.0]]
    """
    return whole_numbers(name, tensor) * scales(name, tensor)


def packed(tensors: Mapping[str, np.ndarray], rows: Rows, dtype: str) -> dict[str, np.ndarray]:
    """Return what a file stores of tensors.

    Args:
        tensors: by name; for int8 as `rounded` returns them.
        rows: the rows that are stored of some; None for all of them.
        dtype: the type that they are stored in.
    """
    stored: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        chosen = rows.get(name)
        if chosen is not None:
            stored[name + ROWS] = runs(chosen)
        part = tensor if chosen is None else tensor[chosen]
        if dtype == INT8:
            stored[name + SCALE] = scales(name, part).astype(ml_dtypes.bfloat16)
            part = whole_numbers(name, part)
        stored[name] = part.astype(storage(dtype))
    return stored


def unpacked(
    where: str, stored: Mapping[str, np.ndarray], names: tuple[str, ...], dtype: str, vocabulary: int | None
) -> tuple[dict[str, np.ndarray], dict[str, Int[np.ndarray, " n"]]]:
    """Return the tensors that a file stores, absent rows as zeros, and the rows that it has of some.

    Args:
        where: what holds them, the beginning of an error.
        stored: what `packed` returns.
        names: of the tensors.
        dtype: that they are stored in.
        vocabulary: the rows of the whole tensors, where a file leaves some out.

    Raises:
        InputError: names the tensor, what was expected and what was got.
    """
    tensors, rows = {}, {}
    for name in names:
        tensor = stored[name]
        if tensor.dtype.name != dtype:
            raise InputError(f"{where}: {name} is {tensor.dtype.name}; expected {dtype}, as the header says")
        if dtype == INT8:
            tensor = _scaled(where, name, tensor, stored)
        if name + ROWS in stored:
            chosen = _tokens(where, name + ROWS, stored[name + ROWS], vocabulary)
            if len(tensor) != len(chosen):
                raise InputError(f"{where}: {name} has {len(tensor)} rows; {name}{ROWS} names {len(chosen)}")
            whole = np.zeros((vocabulary or 0, *tensor.shape[1:]), tensor.dtype)
            whole[chosen] = tensor
            rows[name], tensor = chosen, whole
        tensors[name] = tensor
    return tensors, rows


def _scaled(where: str, name: str, tensor: np.ndarray, stored: Mapping[str, np.ndarray]) -> np.ndarray:
    scale, shape = stored[name + SCALE], tensor.shape[1:] if name in ROWED else (1,)
    if scale.dtype.name != "bfloat16" or scale.shape != shape:
        got = f"{scale.dtype.name} of shape {scale.shape}"
        raise InputError(f"{where}: expected {name}{SCALE} to be bfloat16 of shape {shape}, got {got}")
    values = tensor.astype(np.float32) * scale.astype(np.float32)
    if not np.array_equal(rounded(name, values), values):
        raise InputError(f"{where}: {name} and its scales are not what rounding gives: the largest number is not 127")
    return values


def runs(tokens: Int[np.ndarray, " n"]) -> Int[np.ndarray, "k 2"]:
    """Return the first token of each run of tokens that follow each other, and the one after its last.

    Example:
        >>> runs(np.array([0, 1, 2, 5, 7, 8])).tolist()
        [[0, 3], [5, 6], [7, 9]]
    """
    breaks = np.flatnonzero(np.diff(tokens) > 1) + 1
    ends = np.concatenate([tokens[breaks - 1], tokens[-1:]]) + 1
    return np.stack([np.concatenate([tokens[:1], tokens[breaks]]), ends], axis=1).astype(np.int32)


def _tokens(where: str, name: str, found: np.ndarray, vocabulary: int | None) -> Int[np.ndarray, " n"]:
    """Undo `runs`."""
    if vocabulary is None:
        raise InputError(f"{where}: has {name}, but no vocabulary in its header")
    if found.dtype != np.int32 or found.ndim != 2 or found.shape[1:] != (2,):
        raise InputError(f"{where}: expected {name} to be int32 of shape (k, 2), got {found.dtype} {found.shape}")
    ends = found.ravel().astype(np.int64)
    if not len(ends) or ends[0] < 0 or ends[-1] > vocabulary or (np.diff(ends) <= 0).any():
        raise InputError(f"{where}: expected {name} to be runs of tokens in order, below {vocabulary}")
    return np.concatenate([np.arange(first, end) for first, end in found.tolist()])
