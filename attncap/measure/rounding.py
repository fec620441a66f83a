r"""What any order of summation can do to the encoding of a sequence: a sound bound, no approximation.

Every quantity of a forward pass is a sum of products. Computed in any order with unit roundoff $u$, a sum whose terms
pass through at most $n$ roundings is off by at most $\gamma_n = nu/(1-nu)$ times the sum of its absolute terms
(Higham 2002, section 3.1). docs/certificate.md derives the rest and states what is assumed of the arithmetic.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import softmax

from attncap.errors import InputError, nearest
from attncap.models import AttentionOnlyTransformer


@dataclass(frozen=True)
class Arithmetic:
    r"""Floating-point numbers that a forward pass computes in.

    Attributes:
        name: of the type.
        unit: $u$, the largest relative error of one rounding.
        tiny: the largest absolute error of one operation that underflows, flushed to zero or not.
        largest: finite numbers are below it.
    """

    name: str
    unit: float
    tiny: float
    largest: float

    def gamma(self, roundings: int) -> float:
        r"""Return $\gamma_n = nu/(1-nu)$; infinite where $nu$ reaches 1."""
        product = roundings * self.unit
        return product / (1 - product) if product < 1 else np.inf

    @property
    def floor(self) -> float:
        r"""What a sum of absolute terms is raised by, so that $\gamma_n$ of it covers $4n$ underflows."""
        return 4 * self.tiny / self.unit


ARITHMETICS = {
    "float32": Arithmetic("float32", 2.0**-24, 2.0**-126, 2.0**127),
    "float64": Arithmetic("float64", 2.0**-53, 2.0**-1022, 2.0**1000),
}
# The exponential is within 4 units in the last place, which is 8 u, and ln(1 + 8 u) below 9 u.
EXPONENTIAL = 9
# Roundings of a division, and of the products and sums that it waits for.
DIVISION = 3


def arithmetic_of(name: str) -> Arithmetic:
    """Return the arithmetic of a name.

    Raises:
        InputError: an unknown name.
    """
    if name not in ARITHMETICS:
        known = ", ".join(ARITHMETICS)
        raise InputError(f"arithmetic: expected {known}, got {name!r}{nearest(name, ARITHMETICS)}")
    return ARITHMETICS[name]


@dataclass(frozen=True)
class Encodings:
    r"""Encodings of sequences in float64 and how far any program of the list may be from them.

    Attributes:
        values: the encodings.
        parts: what the errors of each kind come to, elementwise: "attention" (scores and softmax), "values"
            (averages and value matrices), "heads" (output matrices, the sum over heads, the skip connection).
        largest: the largest sum of absolute terms on the way: below the arithmetic's largest, nothing overflows.
    """

    values: Float[np.ndarray, "t d"]
    parts: dict[str, Float[np.ndarray, "t d"]]
    largest: float

    @property
    def error(self) -> Float[np.ndarray, "t d"]:
        r"""$c(t)$: the sum of the parts."""
        return sum(self.parts.values(), np.zeros_like(self.values))


class Encoder:
    """The bound for one model: what depends on its weights alone is computed once.

    Args:
        model: in float64; its weights are what the bound is about.
        arithmetic: of the programs.
    """

    def __init__(self, model: AttentionOnlyTransformer, arithmetic: Arithmetic) -> None:
        self.model, self.arithmetic = model, arithmetic
        self.widest = max(model.embedding_dim, model.head_dim, model.query_key_rank)
        # What a sum of up to so many products may lose to underflow.
        self.underflow = arithmetic.gamma(self.widest + 2) * arithmetic.floor
        query, key, value, output = model.query, model.key, model.value, model.output
        self.query_key = np.matmul(query.transpose(0, 2, 1), key)
        self.abs_query_key = np.matmul(abs(query).transpose(0, 2, 1), abs(key)) + arithmetic.floor
        self.output_value = np.matmul(output, value)
        self.abs_output_value = np.matmul(abs(output), abs(value)) + arithmetic.floor

    def row_bytes(self) -> int:
        """Return about how many bytes `encode` takes a sequence."""
        model = self.model
        position = 4 * model.query_key_rank + 2 * model.head_dim + 4 * model.embedding_dim + 8
        return 8 * (model.heads * (model.context * position + 12 * model.embedding_dim) + 4 * model.embedding_dim)

    def score_errors(
        self, x: Float[np.ndarray, "t S d"], query: Float[np.ndarray, "H t r"]
    ) -> dict[str, Float[np.ndarray, "H t S"]]:
        r"""Bound the error of a score in each program: textbook, folded, multiplied out.

        An array that is off by at most $B$ is read as $|\cdot| + 2B$: once for the program's own error, once for
        that of the float64 value at hand.

        Args:
            x: token-position vectors.
            query: $W_Q x_S$.
        """
        model, gamma, floor = self.model, self.arithmetic.gamma, self.arithmetic.floor
        (count, context, dim), rank = x.shape, model.query_key_rank
        absolute = abs(x) + floor
        last, flat = absolute[:, -1], absolute.reshape(-1, dim)
        q_off = gamma(dim + 1) * (last @ abs(model.query).transpose(0, 2, 1) + floor)
        q = abs(query) + 2 * q_off

        shape = (model.heads, count, context, rank)
        k_off = gamma(dim + 1) * (flat @ abs(model.key).transpose(0, 2, 1) + floor).reshape(shape)
        k = abs(x.reshape(-1, dim) @ model.key.transpose(0, 2, 1)).reshape(shape) + 2 * k_off
        textbook = np.einsum("htj,htsj->hts", q_off + gamma(rank + 1) * q, k)
        textbook += np.einsum("htj,htsj->hts", q, k_off) + self.underflow

        folded_off = (q_off + gamma(rank) * q) @ abs(model.key) + self.underflow
        product_off = gamma(rank) * self.abs_query_key
        product = abs(self.query_key) + 2 * product_off
        multiplied_off = last @ (product_off + gamma(dim + 1) * product) + self.underflow

        def applied(vector: Float[np.ndarray, "H t d"], off: Float[np.ndarray, "H t d"]) -> Float[np.ndarray, "H t S"]:
            whole = off + gamma(dim + 2) * (abs(vector) + 2 * off)
            return np.einsum("htd,tsd->hts", whole, absolute) + self.underflow

        found = {
            "textbook": textbook,
            "folded": applied(query @ model.key, folded_off),
            "multiplied out": applied(x[:, -1] @ self.query_key, multiplied_off),
        }
        return {name: abs(model.score_scale) * off for name, off in found.items()}

    def shifts(
        self, scores: Float[np.ndarray, "H t S"], off: Float[np.ndarray, "H t S"]
    ) -> dict[str, Float[np.ndarray, "H t S"]]:
        """Return by how much each step may shift what the softmax exponentiates: scores, their maximum, exponential."""
        unit = self.arithmetic.unit
        below = abs(scores - scores.max(axis=2, keepdims=True))
        return {
            "scores": off,
            "maximum": unit * (below + 4 * off.max(axis=2, keepdims=True)),
            "exponential": np.full_like(off, EXPONENTIAL * unit),
        }

    def encode(self, sequences: Int[np.ndarray, "t S"]) -> Encodings:
        """Return the encodings of sequences and their error."""
        model, widest, gamma, floor = self.model, self.widest, self.arithmetic.gamma, self.arithmetic.floor
        # The float64 values that the bound is made of are off by no more than this share of it.
        share = 2.0**-53 / self.arithmetic.unit
        x = model.inputs(sequences)
        query = x[:, -1] @ model.query.transpose(0, 2, 1)
        scores = model.score_scale * np.einsum("htd,tsd->hts", query @ model.key, x)
        off = np.maximum.reduce(list(self.score_errors(x, query).values()))
        shift = sum(self.shifts(scores, off).values(), np.zeros_like(off))

        weights = softmax(scores, axis=2)
        mean = np.einsum("hts,tsd->htd", weights, x)
        slack = np.exp(2 * share * shift.max(axis=2, keepdims=True))
        normalizer = (weights / slack * np.exp(-shift)).sum(axis=2, keepdims=True)
        weights *= slack / normalizer
        moved = weights * np.expm1(shift)
        size = np.einsum("hts,tsd->htd", weights * np.exp(shift) + floor, abs(x) + floor) + floor

        around = x - mean[:, :, None]
        projected = np.matmul(around, model.value.transpose(0, 2, 1)[:, None])
        outputs = abs(np.matmul(projected, model.output.transpose(0, 2, 1)[:, None]))
        spread = np.einsum("hts,htsd->htd", moved, abs(around))
        # What averages and value matrices round, and what the float64 values in the attention's part may lack.
        rough = gamma(widest + 2 * model.context + DIVISION) * size
        lacking = moved.sum(axis=2, keepdims=True) * (spread + rough) + gamma(2 * widest + 4) * spread
        inner = rough + share * spread
        value = abs(mean @ model.value.transpose(0, 2, 1)) + np.einsum("hts,htsj->htj", moved, abs(projected))
        value += 2 * (inner @ abs(model.value).transpose(0, 2, 1) + floor)
        together = abs(self.output_value) + gamma(model.head_dim) * self.abs_output_value
        separate = _through(value, abs(model.output))
        joined = _through(abs(mean) + spread + 2 * inner, together)
        total = np.maximum(separate, joined) + abs(model.skip(sequences)) + floor
        parts = {
            "attention": np.einsum("hts,htsi->ti", moved, outputs),
            "values": _through(rough + share * lacking, self.abs_output_value)
            + self.underflow * abs(model.output).sum(axis=(0, 2)),
            "heads": gamma(model.heads * widest + 1) * total,
        }
        return Encodings(model.encode(sequences), parts, self._largest(abs(x).max(), abs(query).max(), total))

    def _largest(self, x: float, query: float, total: Float[np.ndarray, "t d"]) -> float:
        """Return a number that no sum on the way exceeds, given the largest input and query."""
        model = self.model
        rows = max(float(abs(tensor).sum(axis=2).max()) for tensor in (model.query, model.key, model.value))
        products = max(float(each.sum(axis=1).max()) for each in (self.abs_query_key, self.abs_output_value))
        return max(
            float(total.max()), x * rows, query * float(abs(model.key).sum(axis=1).max()), max(x, 1.0) * products
        )


def _through(vectors: Float[np.ndarray, "H t k"], matrices: Float[np.ndarray, "H d k"]) -> Float[np.ndarray, "t d"]:
    """Return the sum over heads of each head's matrix times its vector."""
    return np.matmul(vectors, matrices.transpose(0, 2, 1)).sum(axis=0)
