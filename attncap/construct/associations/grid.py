r"""The representation of sequences of two tokens and the gradient of a loss of it, computed on a grid.

One side has the first tokens, the other the last. What the softmax gives to the first of two is the sigmoid of the
difference of their scores, so that a head costs one exponential a cell, and all products are of whole matrices. Where
many cells are sequences, as in a table of facts, that is a fraction of what looking each of them up costs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from attncap.construct.flattened import Pull, Tensors
from attncap.numerics.memory import chunks

# Pieces that stay in a core's cache.
PIECE = 1 << 20
# Grids of which fewer cells are sequences are not worth it.
FILLED = 0.2
# Heads of more units are mixed as matrices.
NARROW = 2

# Named once: an annotation inside a function is made again at every call.
Rows = Float[np.ndarray, "T d"]
Cells = Float[np.ndarray, "P l d"]
# What mixing comes to, and what takes a gradient by it to those by share, earlier, value and output.
Mixed = tuple[
    Cells,
    Callable[[Cells], tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]],
]


@dataclass(frozen=True)
class Grid:
    """The first and the last tokens of sequences of two, and the cell of each sequence.

    Attributes:
        sequences: rows of the embedding, (T, 2).
    """

    sequences: Int[np.ndarray, "T 2"]

    @cached_property
    def sides(self) -> tuple[Int[np.ndarray, " P"], Int[np.ndarray, " L"], Int[np.ndarray, " T"]]:
        """The first tokens, the last tokens, and the cell of each sequence, last tokens innermost."""
        (first, rows), (last, columns) = (np.unique(side, return_inverse=True) for side in self.sequences.T)
        return first, last, rows * len(last) + columns

    @property
    def filled(self) -> float:
        """The share of the cells that are sequences."""
        first, last, cells = self.sides
        return len(cells) / (len(first) * len(last))

    def encode(self, weights: Tensors) -> tuple[Float[np.ndarray, "T d"], Pull]:
        r"""Return $x_2 + \sum_h W_O^h \big(v^h_2 + a^h (v^h_1 - v^h_2)\big)$ and what takes gradients back.

        Args:
            weights: embedding, position, query, key, value and output, as in `AttentionOnlyTransformer`.

        Returns:
            The representations in the weights' type; a function from the gradient by them to those by the weights.
        """
        first, last, cells = self.sides
        before = weights["embedding"][first] + weights["position"][0]
        after = weights["embedding"][last] + weights["position"][1]
        # Tokens innermost.
        query, key, value = (weights[name] @ after.T for name in ("query", "key", "value"))
        against, earlier = (weights[name] @ before.T for name in ("key", "value"))
        output = np.ascontiguousarray(weights["output"].transpose(0, 2, 1))
        units, wide = output.reshape(-1, after.shape[1]), output.shape[1] > NARROW
        mix, kept = (mixed_heads, len(query)) if wide else (mixed_units, len(units))
        own = (query * key).sum(axis=1)
        grid = np.empty((len(first), len(last), after.shape[1]), after.dtype)
        pieces = []
        for part in chunks(len(last), after.itemsize * len(first) * kept, PIECE):
            share = _sigmoid(against.transpose(0, 2, 1) @ query[..., part] - own[:, None, part])
            grid[:, part], back = mix(share, earlier, value[..., part], output)
            pieces.append((part, share, back))
        grid += after + value.reshape(len(units), -1).T @ units

        def pull(by: Rows) -> Tensors:
            to_grid = np.zeros((len(first) * len(last), by.shape[1]), by.dtype)
            to_grid[cells] = by
            to_grid = to_grid.reshape(grid.shape)
            to_after = to_grid.sum(axis=0)
            to_value = output @ to_after.T
            to_output = value @ to_after
            to_query, to_own = np.empty_like(query), np.empty_like(own)
            to_against, to_earlier = np.zeros_like(against), np.zeros_like(earlier)
            for part, share, back in pieces:
                to_scores, *others = back(to_grid[:, part])
                to_scores *= share * (1 - share)
                to_earlier += others[0]
                to_value[..., part] += others[1]
                to_output += others[2]
                to_query[..., part] = against @ to_scores
                to_against += query[..., part] @ to_scores.transpose(0, 2, 1)
                to_own[:, part] = -to_scores.sum(axis=1)
            to_query += key * to_own[:, None]
            to_key = query * to_own[:, None]
            to_before = np.zeros_like(before)
            gradient = {"output": to_output.transpose(0, 2, 1)}
            for name, ahead, behind in (
                ("query", to_query, None),
                ("key", to_key, to_against),
                ("value", to_value, to_earlier),
            ):
                gradient[name] = ahead @ after
                to_after = to_after + _summed(ahead, weights[name])
                if behind is not None:
                    gradient[name] += behind @ before
                    to_before += _summed(behind, weights[name])
            gradient["embedding"] = np.zeros_like(weights["embedding"])
            gradient["embedding"][first] = to_before
            gradient["embedding"][last] += to_after
            gradient["position"] = np.stack([to_before.sum(axis=0), to_after.sum(axis=0)])
            return gradient

        return grid.reshape(-1, after.shape[1])[cells], pull


def _summed(by: Float[np.ndarray, "H k n"], matrices: Float[np.ndarray, "H k d"]) -> Float[np.ndarray, "n d"]:
    """Take a gradient by all heads' products with tokens to the tokens."""
    units = by.shape[0] * by.shape[1]
    return by.reshape(units, -1).T @ matrices.reshape(units, -1)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """Return the sigmoid in place, without overflow."""
    x *= 0.5
    np.tanh(x, out=x)
    x += 1
    x *= 0.5
    return x


def mixed_units(
    share: Float[np.ndarray, "H P l"],
    earlier: Float[np.ndarray, "H dv P"],
    value: Float[np.ndarray, "H dv l"],
    output: Float[np.ndarray, "H dv d"],
) -> Mixed:
    r"""Return $\sum_h W_O^h\, a^h (v^h_1 - v^h_2)$ of every cell, by products of each unit."""
    shape = share.shape[1:]
    units = output.reshape(-1, output.shape[-1])
    gap = earlier[..., None] - value[:, :, None]
    mixed = (share[:, None] * gap).reshape(len(units), -1)

    def pull(by: Cells) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        flat = by.reshape(-1, by.shape[-1])
        to_mixed = (units @ flat.T).reshape(gap.shape)
        to_share = (to_mixed * gap).sum(axis=1)
        to_mixed *= share[:, None]
        return to_share, to_mixed.sum(axis=-1), -to_mixed.sum(axis=-2), (mixed @ flat).reshape(output.shape)

    return (mixed.T @ units).reshape(*shape, -1), pull


def mixed_heads(
    share: Float[np.ndarray, "H P l"],
    earlier: Float[np.ndarray, "H dv P"],
    value: Float[np.ndarray, "H dv l"],
    output: Float[np.ndarray, "H dv d"],
) -> Mixed:
    """Return the same by products of each token: what each head makes of its values does not depend on the cell."""
    # Heads innermost but for the dimension: (P, H, d) and (l, H, d).
    first, last = (
        np.ascontiguousarray((part.transpose(0, 2, 1) @ output).transpose(1, 0, 2)) for part in (earlier, value)
    )
    of_first, of_last = share.transpose(1, 0, 2), np.ascontiguousarray(share.transpose(2, 0, 1))
    found = of_first.transpose(0, 2, 1) @ first - (of_last.transpose(0, 2, 1) @ last).transpose(1, 0, 2)

    def pull(by: Cells) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        turned = np.ascontiguousarray(by.transpose(1, 0, 2))
        to_share = np.ascontiguousarray((first @ by.transpose(0, 2, 1)).transpose(1, 0, 2))
        to_share -= (last @ turned.transpose(0, 2, 1)).transpose(1, 2, 0)
        to_first, to_last = (of_first @ by).transpose(1, 0, 2), (of_last @ turned).transpose(1, 0, 2)
        to_output = earlier @ to_first - value @ to_last
        return to_share, output @ to_first.transpose(0, 2, 1), -(output @ to_last.transpose(0, 2, 1)), to_output

    return found, pull
