"""Tables of embeddings in .npz files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from attncap.data.arrays import read_arrays
from attncap.errors import InputError

Tables = tuple[Float[np.ndarray, "N d"], Float[np.ndarray, "N d"]]


def read_embeddings(path: str | Path, vocabulary: Sequence[str]) -> Tables:
    """Read embedding and unembedding of a vocabulary.

    Args:
        path: an .npz with ``embedding`` (N, d); ``unembedding`` (N, d), by default the same table; and ``tokens`` (N,),
            the words of its rows, any order, perhaps more than the vocabulary. Without them row n is token n.
        vocabulary: the tokens.

    Returns:
        The two tables, a row a token, in float64.

    Raises:
        InputError: no such file, tables that do not fit, or a token without a row.
    """
    arrays = read_arrays(path)
    if "embedding" not in arrays:
        raise InputError(f"{path}: expected embedding (N, d), got {', '.join(sorted(arrays))[:80] or 'nothing'}")
    tables = []
    for name in ("embedding", "unembedding"):
        table = arrays.get(name, arrays["embedding"])
        if table.ndim != 2 or table.dtype.kind not in "fiu":
            raise InputError(f"{path}: {name}: expected numbers of shape (N, d), got {table.dtype} of {table.shape}")
        tables.append(table.astype(np.float64))
    if tables[0].shape != tables[1].shape:
        raise InputError(
            f"{path}: unembedding: expected shape {tables[0].shape}, as embedding has, got {tables[1].shape}"
        )
    if "tokens" in arrays:
        if arrays["tokens"].ndim != 1:
            raise InputError(f"{path}: tokens: expected shape (N,), got {arrays['tokens'].shape}")
        places = {str(token): place for place, token in enumerate(arrays["tokens"].tolist())}
        if not len(places) == len(arrays["tokens"]) == len(tables[0]):
            raise InputError(f"{path}: expected a token a row, each once, got {len(places)} for {len(tables[0])} rows")
        missing = next((token for token in vocabulary if token not in places), None)
        if missing is not None:
            raise InputError(f"{path}: tokens: expected all of the vocabulary, got no {missing!r}")
        rows = [places[token] for token in vocabulary]
        tables = [table[rows] for table in tables]
    return tables[0], tables[1]
