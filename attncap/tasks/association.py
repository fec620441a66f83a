"""Associations: distinct sequences of tokens, each with the token that follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from attncap.constraints import Count, OneOf, checked, reals
from attncap.errors import InputError
from attncap.numerics.rows import all_differ
from attncap.result import Result, hidden, several
from attncap.tasks.prior import expected_surprisal, sequential_surprisal

if TYPE_CHECKING:
    import polars as pl

KINDS = ("facts", "text", "random", "array")
# No prior of ours is rarer; beyond, powers of two leave float64.
MOST_BITS = 1000


@dataclass(frozen=True)
class Associations(Result):
    r"""$T$ distinct sequences of $S$ tokens out of $N$, each with its answer.

    The task holds $\sum_t -\log_2 q_t(y_t)$ bits, $q$ the prior over the answers, fixed before they are drawn:
    uniform over the vocabulary, or, for facts, the answers of a relation without replacement (`attncap.tasks.prior`).

    Attributes:
        name: where the task comes from.
        kind: "facts" (sequences are relation, subject), "text" or "random".
        sequences: token numbers, (T, S).
        answers: the token that follows each sequence, (T,).
        surprisal: $-\log_2 q_t(y_t)$ in bits, (T,); for facts the mean over the orders of sending them.
        vocabulary: the N tokens, by number.
        notes: what was skipped or dropped on the way, in words.
    """

    name: str
    kind: str
    sequences: Int[np.ndarray, "T S"] = hidden()
    answers: Int[np.ndarray, " T"] = hidden()
    surprisal: Float[np.ndarray, " T"] = hidden()
    vocabulary: tuple[str, ...] = hidden()
    notes: tuple[str, ...] = hidden(default=())

    @property
    def associations(self) -> int:
        """The number $T$ of sequences."""
        return len(self.answers)

    @property
    def vocabulary_size(self) -> int:
        """The number $N$ of tokens."""
        return len(self.vocabulary)

    @property
    def context(self) -> int:
        """The number $S$ of tokens in a sequence."""
        return self.sequences.shape[1]

    @property
    def sizes(self) -> dict[str, int]:
        """N and S, which a model of it shares."""
        return {"N": self.vocabulary_size, "S": self.context}

    @property
    def bits(self) -> float:
        """What the task holds, in bits."""
        return float(self.surprisal.sum())

    @cached_property
    def surprisal_by_order(self) -> Float[np.ndarray, "orders T"]:
        r"""$-\log_2 q_t(y_t)$ in bits, one row an order of sending the answers (one row where it does not matter)."""
        if self.kind != "facts":
            return self.surprisal[None]
        return sequential_surprisal(relations(self.sequences), self.answers)

    @property
    def summary(self) -> tuple[str, ...]:
        """The lines that introduce it: name, number and bits, sizes, notes."""
        first = f"{self.name}: {several(self.associations, 'association')}, {self.bits:,.0f} bits"
        return (first, f"{several(self.vocabulary_size, 'token')}, sequences of {self.context}", *self.notes)

    @cached_property
    def queries(self) -> int:
        """The number of distinct last tokens: what the skip connection can tell apart."""
        return len(np.unique(self.sequences[:, -1]))

    @cached_property
    def data_rank(self) -> int:
        r"""The rank $\rho$ of the token-position vectors in use, for generic vectors of enough dimensions.

        The vectors $e(t) + p_s$ are the edges of a graph between tokens and positions, and their rank is its
        number of nodes less its number of components: $N + S - 1$ when every token occurs at every position.
        """
        edges = (self.sequences + np.arange(self.context) * self.vocabulary_size).ravel()
        # Counting is faster than sorting where the edges are many.
        dense = self.context * self.vocabulary_size < edges.size
        edges = np.flatnonzero(np.bincount(edges)) if dense else np.unique(edges)
        positions, tokens = np.divmod(edges, self.vocabulary_size)
        nodes = self.vocabulary_size + self.context
        graph = coo_array((np.ones(len(edges)), (tokens, self.vocabulary_size + positions)), shape=(nodes, nodes))
        return nodes - int(connected_components(graph, directed=False)[0])

    def subset(self, rows: Any) -> "Associations":
        """Return the task of some rows; its prior knows their answers only.

        Args:
            rows: their numbers, a mask or a slice.
        """
        return associations(
            self.sequences[rows],
            self.answers[rows],
            self.vocabulary,
            surprisal=None if self.kind == "facts" else self.surprisal[rows],
            name=self.name,
            kind=self.kind,
            notes=self.notes,
        )

    def words(self, index: int) -> tuple[tuple[str, ...], str]:
        """Return one association in words: its sequence and its answer."""
        sequence = tuple(self.vocabulary[token] for token in self.sequences[index])
        return sequence, self.vocabulary[self.answers[index]]

    def __len__(self) -> int:
        return self.associations

    def frame(self) -> "pl.DataFrame":
        """Return one polars row an association: its sequence in words, its answer and its bits.

        Example:
            >>> associations([[0, 1], [1, 0]], [2, 0], vocabulary=4).frame().rows()
            [(['0', '1'], '2', 2.0), (['1', '0'], '0', 2.0)]
        """
        import polars as pl

        words = np.array(self.vocabulary, dtype=object)
        sequences, answers = words[self.sequences].tolist(), words[self.answers].tolist()
        return pl.DataFrame({"sequence": sequences, "answer": answers, "bits": self.surprisal})

    def __repr__(self) -> str:
        sizes = f"T={self.associations}, N={self.vocabulary_size}, S={self.context}"
        return f"Associations({self.name!r}, {self.kind!r}, {sizes}, {self.bits:.6g} bits)"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON: name, associations, vocabulary, context, bits, and the notes."""
        return {
            "name": self.name,
            "kind": self.kind,
            "associations": self.associations,
            "vocabulary": self.vocabulary_size,
            "context": self.context,
            "bits": self.bits,
            "notes": list(self.notes),
        }


def relations(sequences: Int[np.ndarray, "T S"]) -> Int[np.ndarray, " T"]:
    """Return the relation of each fact: its first token, or one for all where a sequence is the subject alone."""
    return sequences[:, 0] if sequences.shape[1] > 1 else np.zeros(len(sequences), dtype=np.int32)


@checked
def associations(
    sequences: Any,
    answers: Any,
    vocabulary: Sequence[str] | Count,
    *,
    surprisal: Any = None,
    name: str = "associations",
    kind: Annotated[str, OneOf(KINDS)] = "random",
    notes: Sequence[str] = (),
) -> Associations:
    """Check arrays and make a task of them.

    Args:
        sequences: token numbers, (T, S), no sequence twice.
        answers: token numbers, (T,).
        vocabulary: the N tokens, or N (tokens are then named by their numbers).
        surprisal: bits of each answer under a prior fixed before they are drawn, (T,); log2 N each by default (a
            uniform prior). That of facts follows from their relations and is not given.
        name: where the task comes from.
        kind: "facts", "text", "random" or "array".
        notes: what was skipped or dropped, in words.

    Returns:
        The task.

    Raises:
        InputError: names the row, what was expected and what was got.

    Example:
        >>> task = associations([[0, 1], [1, 0]], [2, 0], vocabulary=3)
        >>> task.associations, task.context, round(task.bits, 3)
        (2, 2, 3.17)
    """
    words = tuple(map(str, range(vocabulary))) if isinstance(vocabulary, int) else tuple(vocabulary)
    size = len(words)
    if size < 2:
        raise InputError(f"{name}: a vocabulary of {size} token(s) leaves nothing to memorize; expected at least 2")
    if len(set(words)) < size:
        raise InputError(f"{name}: the vocabulary holds a token twice; expected {size} distinct tokens")
    sequences = _tokens(sequences, "sequences", 2, size, name)
    answers = _tokens(answers, "answers", 1, size, name)
    if not sequences.size:
        raise InputError(f"{name}: no associations; expected at least one sequence of at least one token")
    if len(sequences) != len(answers):
        raise InputError(f"{name}: {len(sequences)} sequences but {len(answers)} answers; expected as many")
    if not all_differ(sequences):
        first, inverse = np.unique(sequences, axis=0, return_index=True, return_inverse=True)[1:]
        again = int(np.flatnonzero(first[inverse] != np.arange(len(sequences)))[0])
        raise InputError(f"{name}: row {again} repeats the sequence of row {first[inverse][again]}; expected each once")
    if kind == "facts":
        if surprisal is not None:
            raise InputError(f"{name}: the surprisal of facts follows from their relations; expected none, got one")
        surprisal = expected_surprisal(relations(sequences), answers)
    elif surprisal is None:
        surprisal = np.full(len(answers), np.log2(size))
    else:
        surprisal = _surprisal(surprisal, len(answers), name)
    return Associations(name, kind, sequences, answers, surprisal, words, tuple(notes))


def _surprisal(values: Any, count: int, name: str) -> Float[np.ndarray, " T"]:
    bits = reals(values, f"{name}: surprisal")
    if bits.shape != (count,):
        raise InputError(f"{name}: surprisal must have shape (T,) = ({count},), got {bits.shape}")
    if (bad := np.flatnonzero(~((bits >= 0) & (bits <= MOST_BITS)))).size:
        raise InputError(f"{name}: surprisal, row {bad[0]}: expected 0 to {MOST_BITS} bits, got {bits[bad[0]]:g}")
    return bits


def _tokens(values: Any, what: str, ndim: int, size: int, name: str) -> Int[np.ndarray, "..."]:
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError(f"{name}: {what} of different lengths; expected {ndim} dimension(s)") from None
    if array.ndim != ndim:
        raise InputError(f"{name}: {what} must have {ndim} dimension(s), got shape {array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        numbers = np.issubdtype(array.dtype, np.floating)
        whole = np.isfinite(array) & (array == np.floor(array)) if numbers else np.zeros(array.shape, dtype=bool)
        if not whole.all():
            row = np.argwhere(~whole)[0][0]
            raise InputError(f"{name}: {what}, row {row}: expected whole token numbers, got {array[row]}")
    outside = np.argwhere((array < 0) | (array >= size))
    if len(outside):
        row = outside[0][0]
        raise InputError(f"{name}: {what}, row {row}: expected tokens 0 to {size - 1}, got {array[row]}")
    return array.astype(np.int32)
