r"""Proof that no order of summation changes an answer: recall certified for a list of programs.

The error of a difference of two logits is bounded by

$$|u_y - u_v| \cdot c(t) + \gamma_{d+1} (|u_y| + |u_v|) \cdot |\hat z_t|,$$

$u_v$ the rows of the unembedding, $\hat z_t$ the encoding and $c(t)$ its error (`attncap.measure.rounding`). An
association is certified where the answer leads every other token, in float64, by more than this, for the program and
once more for the float64 logits themselves. docs/certificate.md has the derivation.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from attncap.constraints import checked
from attncap.errors import InputError
from attncap.measure.rounding import Arithmetic, Encoder, Encodings, arithmetic_of
from attncap.models import AttentionOnlyTransformer, TokenModel, chunks
from attncap.models.precision import StoredName, computing, storage
from attncap.progress import bar
from attncap.result import Result, hidden
from attncap.tasks import Associations

PROGRAMS = (
    "queries, keys and values by position",
    "the key folded into the query, values of averaged inputs",
    "W_QK and W_OV multiplied out",
)
# The bound is itself computed in float64, from positive terms.
SAFETY = 1 + 1e-9


@dataclass(frozen=True)
class Certificate(Result):
    r"""What is proved of a model's answers.

    Attributes:
        dtype: the type that the weights are rounded to.
        arithmetic: the type that the programs compute in.
        certified: whether every answer has the strictly largest logit in every program and order of summation.
        associations: how many have.
        bound: the largest error, over the associations, of the answer's lead over its closest rival, in logits.
        min_margin: the smallest lead of an answer of the rounded weights in float64, in logits.
        rows: which associations are certified, (T,).
    """

    dtype: str
    arithmetic: str
    certified: bool
    associations: int
    bound: float
    min_margin: float
    rows: Bool[np.ndarray, " T"] = hidden()


@checked
def certify(
    model: TokenModel, task: Associations, dtype: StoredName | None = None, arithmetic: str | None = None
) -> Certificate:
    """Prove which answers of a model no order of summation changes.

    Args:
        model: who memorized; one layer of attention.
        task: what.
        dtype: round the weights to it first; as they are by default.
        arithmetic: "float32" or "float64": what the programs compute in; by default what weights of this type
            compute in (float32 for bfloat16).

    Returns:
        The certificate, for the programs `PROGRAMS`: IEEE round to nearest, an exponential within 4 units in the last
        place, division within 3 roundings, fused multiply-add and flushed subnormals allowed, no TF32.

    Raises:
        InputError: an unknown type, or a model of several layers.

    Example:
        >>> from attncap.construct import theorem
        >>> from attncap.tasks import random_associations
        >>> task = random_associations(vocabulary=50, context=2, count=120)
        >>> found = certify(theorem(task, embedding_dim=10).model, task, "float32")
        >>> found.certified, found.associations, found.arithmetic
        (True, 120, 'float32')
    """
    kind = arithmetic or computing(storage(dtype or model.dtype)).name
    return _certificates(model, task, dtype, [kind])[0]


@checked
def certificates(model: TokenModel, task: Associations, dtype: StoredName | None = None) -> tuple[Certificate, ...]:
    """Return the certificates in the type that weights of this type compute in and, where that is not it, in float64.

    One pass finds both: no bound grows by more than the unit roundoff does, so the finer one is a share of the other.

    Args:
        model: who memorized; one layer of attention.
        task: what.
        dtype: round the weights to it first; as they are by default.
    """
    own = computing(storage(dtype or model.dtype)).name
    return _certificates(model, task, dtype, list(dict.fromkeys([own, "float64"])))


def _certificates(
    model: TokenModel, task: Associations, dtype: str | None, arithmetics: list[str]
) -> tuple[Certificate, ...]:
    if not isinstance(model, AttentionOnlyTransformer):
        raise InputError(f"certify: expected one layer of attention, got a {type(model).__name__}")
    rounded = model.astype(dtype) if dtype else model
    kinds = [arithmetic_of(name) for name in arithmetics]
    bounds = LeadBounds(rounded.astype("float64"), kinds[0])
    shares = [bounds.share(kind) for kind in kinds]
    parts = []
    with bar("certify every answer", task.associations) as advance:
        for rows in chunks(task.associations, bounds.row_bytes()):
            parts.append(bounds.check(task.sequences[rows], task.answers[rows], shares))
            advance(rows.stop - rows.start)
    proofs, closest, leads = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    return tuple(
        Certificate(
            dtype=rounded.dtype,
            arithmetic=kind.name,
            certified=bool(proved.all()),
            associations=int(proved.sum()),
            bound=share * float(closest.max()),
            min_margin=float(leads.min()),
            rows=proved,
        )
        for kind, share, proved in zip(kinds, shares, proofs, strict=True)
    )


class LeadBounds:
    """Bounds of the error of the lead of one token over another, for one model and arithmetic.

    Args:
        model: in float64.
        arithmetic: of the programs.
    """

    def __init__(self, model: AttentionOnlyTransformer, arithmetic: Arithmetic) -> None:
        self.model, self.arithmetic = model, arithmetic
        self.encoder = Encoder(model, arithmetic)
        self.absolute = abs(model.unembedding)
        # Tokens whose row is zero have logit zero in any order: two stand for all of them, since one may be the answer.
        empty = ~self.absolute[model.candidates].any(axis=1)
        self.rivals = model.candidates[~empty | (np.cumsum(empty) <= 2)]

    def share(self, arithmetic: Arithmetic) -> float:
        """Return what the bounds are multiplied by for an arithmetic at most as coarse and the float64 logits."""
        return SAFETY * (arithmetic.unit + 2.0**-53) / self.arithmetic.unit

    def row_bytes(self) -> int:
        """Return about how many bytes `check` takes a sequence."""
        return self.encoder.row_bytes() + 8 * 5 * len(self.rivals)

    def check(
        self, sequences: Int[np.ndarray, "t S"], answers: Int[np.ndarray, " t"], shares: list[float]
    ) -> tuple[Bool[np.ndarray, "shares t"], Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
        """Return which answers are proved at each share of the bound, and the bound and lead over the closest rival."""
        # Where a bound overflows it is infinite or not a number, and nothing compares as larger.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            encoded = self.encoder.encode(sequences)
            error, size = encoded.error, self._sizes(encoded)
            unembedding, rows = self.model.unembedding, np.arange(len(answers))
            lead = np.einsum("td,td->t", encoded.values, unembedding[answers])[:, None]
            lead = lead - encoded.values @ unembedding[self.rivals].T
            lead[answers[:, None] == self.rivals] = np.inf
            closest = lead.argmin(axis=1)
            bound = self.of_pairs(error, size, answers, self.rivals[closest])
            largest = max(encoded.largest, float(size.max() * self.absolute.sum(axis=1).max()) / self._roundings)
            fits = (largest < self.arithmetic.largest) & np.isin(answers, self.model.candidates)
            rough = (error + size) @ self.absolute[self.rivals].T + self._underflow
            rough += np.einsum("td,td->t", error + size, self.absolute[answers])[:, None]
            proofs = [(lead[rows, closest] > share * bound) & fits for share in shares]
            for share, proved in zip(shares, proofs, strict=True):
                # First a bound of two products, then the exact one for the pairs that it does not decide.
                row, rival = np.nonzero(proved[:, None] & ~(lead > share * rough))
                for part in chunks(len(row), 8 * 6 * self.model.embedding_dim):
                    at, other = row[part], self.rivals[rival[part]]
                    exact = self.of_pairs(error[at], size[at], answers[at], other)
                    proved[at[~(lead[at, rival[part]] > share * exact)]] = False
        return np.array(proofs), bound, lead[rows, closest]

    def of_pairs(
        self,
        error: Float[np.ndarray, "t d"],
        size: Float[np.ndarray, "t d"],
        first: Int[np.ndarray, " t"],
        second: Int[np.ndarray, " t"],
    ) -> Float[np.ndarray, " t"]:
        r"""Return $|u_y - u_v| \cdot c(t) + \gamma_{d+1} (|u_y| + |u_v|) \cdot |\hat z_t|$ of pairs of tokens."""
        unembedding = self.model.unembedding
        apart = np.einsum("td,td->t", abs(unembedding[first] - unembedding[second]), error)
        return apart + np.einsum("td,td->t", self.absolute[first] + self.absolute[second], size) + self._underflow

    def _sizes(self, encoded: Encodings) -> Float[np.ndarray, "t d"]:
        r"""Return $\gamma_{d+1} |\hat z_t|$."""
        return self._roundings * (abs(encoded.values) + 2 * encoded.error + self.arithmetic.floor)

    @property
    def _roundings(self) -> float:
        return self.arithmetic.gamma(self.model.embedding_dim + 1)

    @property
    def _underflow(self) -> float:
        return 4 * self.encoder.underflow
