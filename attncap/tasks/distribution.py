"""Distributions: sequences of tokens, each with the distribution of the token that follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import entr

from attncap.constraints import Range, checked, reals
from attncap.errors import InputError
from attncap.result import Result, hidden
from attncap.tasks.association import Associations, associations

if TYPE_CHECKING:
    import polars as pl

SMOOTHING = 1e-3
ROUNDING = 1e-6
# Sums of weights are exact to this.
SUMMED = 1e-12


@dataclass(frozen=True)
class Distributions(Result):
    r"""$T$ sequences, each with its weight and its next-token distribution $\pi(\cdot \mid t)$ over $N$ tokens.

    Attributes:
        name: where the task comes from.
        kind: "facts", "text" or "array".
        pi: $\pi$, rows that sum to one, (T, N).
        weight: probability of each sequence, sums to one, (T,).
        sequences: token numbers, (T, S); None where only the distributions are known.
        vocabulary: the N tokens, by number.
        notes: what was smoothed, merged or dropped on the way, in words.
    """

    name: str
    kind: str
    pi: Float[np.ndarray, "T N"] = hidden()
    weight: Float[np.ndarray, " T"] = hidden()
    sequences: Int[np.ndarray, "T S"] | None = hidden()
    vocabulary: tuple[str, ...] = hidden()
    notes: tuple[str, ...] = hidden(default=())

    @property
    def count(self) -> int:
        """The number $T$ of sequences."""
        return len(self.pi)

    @property
    def vocabulary_size(self) -> int:
        """The number $N$ of tokens."""
        return self.pi.shape[1]

    @property
    def sizes(self) -> dict[str, int]:
        """N, and S where sequences are known: what a model of it shares."""
        return {"N": self.vocabulary_size, **({} if self.sequences is None else {"S": self.sequences.shape[1]})}

    @cached_property
    def entropy(self) -> float:
        r"""The mean entropy $\sum_t w_t H(\pi_t)$ in nats: what no model can predict."""
        return float(self.weight @ entr(self.pi).sum(axis=1))

    @cached_property
    def deterministic(self) -> bool:
        """Whether every sequence has one possible next token."""
        return bool((self.pi.max(axis=1) == 1.0).all())

    @cached_property
    def tied(self) -> Bool[np.ndarray, " T"]:
        """Which sequences have several equally likely next tokens."""
        return (self.pi == self.pi.max(axis=1, keepdims=True)).sum(axis=1) > 1

    @cached_property
    def modes(self) -> Associations:
        r"""Every sequence with its most likely next token (the first of several).

        Raises:
            InputError: the sequences are not known, or are no sequences of these tokens.
        """
        if self.sequences is None:
            raise InputError(f"{self.name}: holds no sequences; expected an array `sequences` (T,S) beside `pi`")
        answers = self.pi.argmax(axis=1)
        return associations(self.sequences, answers, self.vocabulary, name=self.name, kind=self.kind, notes=self.notes)

    @cached_property
    def likely_first(self) -> Int[np.ndarray, " T"]:
        """The numbers of the sequences, the most likely first."""
        return np.argsort(-self.weight, kind="stable")

    def fewest_likely(self, epsilon: float | int) -> int:
        r"""Return $T_\varepsilon$, the fewest sequences that have probability at least $1 - \varepsilon$ together.

        Args:
            epsilon: $\varepsilon$, 0 to 1.

        Raises:
            InputError: another number.

        Example:
            >>> task = distributions(np.full((4, 2), 0.5), weight=[4, 3, 2, 1])
            >>> [task.fewest_likely(epsilon) for epsilon in (0, 0.1, 0.15, 0.3, 1)]
            [4, 3, 3, 2, 0]
        """
        if not 0 <= epsilon <= 1:
            raise InputError("epsilon", "0 to 1", epsilon)
        if epsilon == 0:
            return self.count
        together = np.cumsum(np.append(0.0, self.weight[self.likely_first]))
        return min(int(np.searchsorted(together, 1 - epsilon - SUMMED)), self.count)

    def likely(self, count: int) -> Associations:
        """Return the most likely sequences, each with its most likely next token.

        Args:
            count: how many, at least one.
        """
        return self.modes.subset(self.likely_first[: max(1, count)])

    def left_out(self, stored: int) -> float:
        r"""Return $\varepsilon$, the probability of all but the most likely sequences.

        Args:
            stored: how many of these there are.
        """
        return float(self.weight[self.likely_first[stored:]].sum())

    def __len__(self) -> int:
        return self.count

    def frame(self) -> "pl.DataFrame":
        r"""Return one polars row a sequence: its tokens in words (null where unknown), its weight and its $\pi$.

        Example:
            >>> distributions([[0.5, 0.5]]).frame().rows()
            [(None, 1.0, [0.5, 0.5])]
        """
        import polars as pl

        words = np.array(self.vocabulary, dtype=object)
        known = [None] * self.count if self.sequences is None else words[self.sequences].tolist()
        return pl.DataFrame({"sequence": known, "weight": self.weight, "pi": self.pi.tolist()})

    def __repr__(self) -> str:
        context = "unknown" if self.sequences is None else self.sequences.shape[1]
        return f"Distributions({self.name!r}, {self.kind!r}, T={self.count}, N={self.vocabulary_size}, S={context})"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON: name, sequences, vocabulary, entropy in nats, and the notes."""
        return {
            "name": self.name,
            "kind": self.kind,
            "sequences": self.count,
            "vocabulary": self.vocabulary_size,
            "context": None if self.sequences is None else self.sequences.shape[1],
            "entropy": self.entropy,
            "notes": list(self.notes),
        }


@checked
def distributions(
    pi: Any,
    weight: Any = None,
    sequences: Any = None,
    vocabulary: Sequence[str] | None = None,
    *,
    smoothing: Annotated[float, Range(0, 1, open=True)] = SMOOTHING,
    name: str = "distributions",
    kind: str = "array",
    notes: Sequence[str] = (),
) -> Distributions:
    r"""Check arrays and make a task of them.

    A softmax gives no token probability zero, so rows with zeros become $(1-\delta)\pi + \delta/N$, and the notes
    say so - unless every row is deterministic: then two dimensions represent them as exactly as one likes.

    Args:
        pi: next-token distributions, (T, N).
        weight: probability of each sequence up to a factor, (T,); uniform by default.
        sequences: token numbers, (T, S), no sequence twice; needed to construct weights, not to encode.
        vocabulary: the N tokens; their numbers by default.
        smoothing: $\delta$.
        name: where the task comes from.
        kind: "facts", "text" or "array".
        notes: what was done on the way, in words.

    Returns:
        The task.

    Raises:
        InputError: names the row, what was expected and what was got.

    Example:
        >>> task = distributions([[0.5, 0.5], [1.0, 0.0]], weight=[3, 1])
        >>> task.notes
        ('1 of 2 distributions held zeros: smoothed to (1 - 0.001) pi + 0.001 / N',)
        >>> round(task.entropy, 4)
        0.5209
    """
    pi = _probabilities(pi, name)
    count, size = pi.shape
    weight = _weights(weight, count, name)
    words = tuple(map(str, range(size))) if vocabulary is None else tuple(vocabulary)
    if len(words) != size:
        raise InputError(f"{name}: pi has {size} columns; the vocabulary has {len(words)} tokens")
    zeros = (pi == 0).any(axis=1)
    notes = list(notes)
    if zeros.any() and (pi.max(axis=1) == 1.0).all():
        notes.append("every distribution is deterministic: not smoothed")
    elif zeros.any():
        pi[zeros] = (1 - smoothing) * pi[zeros] + smoothing / size
        notes.append(
            f"{int(zeros.sum()):,} of {count:,} distributions held zeros: "
            f"smoothed to (1 - {smoothing:g}) pi + {smoothing:g} / N"
        )
    task = Distributions(name, kind, pi, weight, None, words, tuple(notes))
    if sequences is None:
        return task
    modes = associations(sequences, pi.argmax(axis=1), words, name=name)
    return Distributions(name, kind, pi, weight, modes.sequences, words, tuple(notes))


def _probabilities(values: Any, name: str) -> Float[np.ndarray, "T N"]:
    pi = reals(values, f"{name}: pi")
    if pi.ndim != 2 or pi.shape[0] < 1 or pi.shape[1] < 2:
        raise InputError(f"{name}: pi must have shape (T, N) with T >= 1 and N >= 2, got {pi.shape}")
    if (bad := np.flatnonzero(~np.isfinite(pi).all(axis=1))).size:
        raise InputError(f"{name}: pi, row {bad[0]}: expected finite probabilities, got nan or inf")
    if (bad := np.flatnonzero((pi < 0).any(axis=1))).size:
        raise InputError(f"{name}: pi, row {bad[0]}: expected probabilities, got {pi[bad[0]].min():g}")
    total = pi.sum(axis=1)
    if (bad := np.flatnonzero(abs(total - 1) > ROUNDING)).size:
        raise InputError(f"{name}: pi, row {bad[0]}: expected a sum of 1, got {total[bad[0]]:.9g}")
    return pi / total[:, None]


def _weights(values: Any, count: int, name: str) -> Float[np.ndarray, " T"]:
    if values is None:
        return np.full(count, 1 / count)
    weight = reals(values, f"{name}: weight")
    if weight.shape != (count,):
        raise InputError(f"{name}: weight must have shape (T,) = ({count},), got {weight.shape}")
    if (bad := np.flatnonzero(~(np.isfinite(weight) & (weight > 0)))).size:
        raise InputError(f"{name}: weight, row {bad[0]}: expected a positive number, got {weight[bad[0]]:g}")
    return weight / weight.sum()
