r"""The representation of a task's sequences and the gradient of a loss of it, computed from tables of tokens.

Queries, keys and values are the same wherever a token stands at a position again, so they are computed once a pair
of token and position and looked up: what `AttentionOnlyTransformer.encode` computes, in a fraction of its products.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array

from attncap.construct.flattened import Pull, Tensors
from attncap.numerics.exponentials import raised
from attncap.numerics.memory import chunks

# Pieces that stay in a core's cache.
PIECE = 1 << 20


@dataclass(frozen=True)
class Tables:
    """Which pairs of token and position the sequences consist of.

    Attributes:
        sequences: rows of the embedding, (T, S).
    """

    sequences: Int[np.ndarray, "T S"]
    # Made at each evaluation, these sums took as long as all else.
    _sums: dict[tuple[str, int, np.dtype], csr_array] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def pairs(self) -> tuple[Int[np.ndarray, " P"], Int[np.ndarray, " P"], Int[np.ndarray, "T S"]]:
        """The token and the position of each pair, and the pair at each place of the sequences."""
        context = self.sequences.shape[1]
        keys, places = np.unique(self.sequences * context + np.arange(context), return_inverse=True)
        tokens, positions = np.divmod(keys, context)
        return tokens, positions, places.reshape(self.sequences.shape)

    def encode(self, weights: Tensors) -> tuple[Float[np.ndarray, "T d"], Pull]:
        r"""Return $x_S + \sum_h W_O^h W_V^h \bar x^h$ of every sequence, and what takes gradients back to the weights.

        Args:
            weights: embedding, position, query, key, value and output, as in `AttentionOnlyTransformer`.

        Returns:
            The representations in the weights' type; a function from the gradient by them to those by the weights.
        """
        tokens, positions, places = self.pairs
        x = weights["embedding"][tokens] + weights["position"][positions]
        heads, _, dim = weights["query"].shape
        # One row a unit and head, heads innermost.
        flat = {name: weights[name].transpose(1, 0, 2).reshape(-1, dim) for name in ("query", "key", "value")}
        flat["output"] = weights["output"].transpose(2, 0, 1).reshape(-1, dim)
        tables = {name: (x @ flat[name].T).reshape(len(x), -1, heads) for name in ("query", "key", "value")}
        row_bytes = x.itemsize * heads * sum(table.shape[1] for table in tables.values()) * places.shape[1]
        pieces = [_attend(tables, places[rows]) for rows in chunks(len(places), row_bytes, PIECE)]
        last = places[:, -1]
        values = np.concatenate([piece.values.reshape(len(piece.values), -1) for piece in pieces])
        encoded = x[last] + values @ flat["output"]

        def pull(by: Float[np.ndarray, "T d"]) -> Tensors:
            to_x = self._sum("last", 0, last, len(x), by.dtype) @ by
            to_tables = {name: np.zeros_like(table) for name, table in tables.items()}
            start = 0
            for piece in pieces:
                rows = slice(start, start := start + len(piece.places))
                to_values = (by[rows] @ flat["output"].T).reshape(piece.values.shape)
                ways = enumerate(piece.places.T)
                sums = [self._sum(f"place {s}", rows.start, place, len(x), by.dtype) for s, place in ways]
                piece.pull(to_values, tables, to_tables, sums)
            gradient = {"output": (values.T @ by).reshape(-1, heads, dim).transpose(1, 2, 0)}
            for name, to_table in to_tables.items():
                thin = to_table.reshape(len(x), -1)
                gradient[name] = (thin.T @ x).reshape(-1, heads, dim).transpose(1, 0, 2)
                to_x += thin @ flat[name]
            for name, index in (("embedding", tokens), ("position", positions)):
                gradient[name] = self._sum(name, 0, index, len(weights[name]), by.dtype) @ to_x
            return gradient

        return encoded, pull

    def _sum(self, name: str, start: int, index: np.ndarray, size: int, dtype: np.dtype) -> csr_array:
        key = name, start, dtype
        if key not in self._sums:
            self._sums[key] = onto(index, size, dtype)
        return self._sums[key]


def onto(index: Int[np.ndarray, " n"], size: int, dtype: np.dtype) -> csr_array:
    """Return the matrix that adds rows up by their index."""
    count = len(index)
    return csr_array((np.ones(count, dtype), (index, np.arange(count))), shape=(size, count))


@dataclass(frozen=True)
class _Piece:
    places: Int[np.ndarray, "t S"]
    weights: Float[np.ndarray, "S t H"]
    values: Float[np.ndarray, "t dv H"]

    def pull(self, by: Float[np.ndarray, "t dv H"], tables: Tensors, to_tables: Tensors, sums: list[csr_array]) -> None:
        last = self.places[:, -1]
        query = tables["query"][last]
        to_weights = np.stack([(by * tables["value"][place]).sum(axis=1) for place in self.places.T])
        to_scores = self.weights * (to_weights - (self.weights * to_weights).sum(axis=0))
        to_query = np.zeros_like(query)
        for place, weights, scores, total in zip(self.places.T, self.weights, to_scores, sums, strict=True):
            to_query += scores[:, None] * tables["key"][place]
            for name, part in (("key", scores[:, None] * query), ("value", weights[:, None] * by)):
                to_tables[name] += (total @ part.reshape(len(part), -1)).reshape(to_tables[name].shape)
        to_tables["query"] += (sums[-1] @ to_query.reshape(len(to_query), -1)).reshape(to_tables["query"].shape)


def _attend(tables: Tensors, places: Int[np.ndarray, "t S"]) -> _Piece:
    query = tables["query"][places[:, -1]]
    scores = np.stack([(query * tables["key"][place]).sum(axis=1) for place in places.T])
    weights = raised(scores - scores.max(axis=0))
    weights /= weights.sum(axis=0)
    values = sum(each[:, None] * tables["value"][place] for each, place in zip(weights, places.T, strict=True))
    return _Piece(places, weights, np.asarray(values))
