r"""What a model answers: recall, margin, divergence - the one definition of each.

Every measure reads a model through its logits $\ell(t)_v$ of token $v$ after sequence $t$.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_softmax, xlogy

from attncap.constraints import checked
from attncap.models import TokenModel
from attncap.models.precision import StoredName
from attncap.result import Result, several
from attncap.tasks import Associations, Distributions


@dataclass(frozen=True)
class Recall(Result):
    r"""What one evaluation of a task found.

    Attributes:
        correct: sequences whose answer has the strictly largest logit.
        accuracy: correct / T.
        min_margin: smallest margin, in logits.
        deviation: largest $|\ell - \ell_{\text{ref}}|$ from the reference model, in logits; None without one.
        certified: whether no order of summation changes an answer in the arithmetic that weights of this type compute
            in (`attncap.measure.certify`); None where that was not asked.
        measured: the orders of `attncap.measure.ORDERS` tried in which every answer is right.
        certified_associations: how many answers are certified in ``arithmetic``; None where some answer is wrong.
        arithmetic: float64 where that certifies every answer and the type's own does not, else the type's own.
        bound: the largest error in ``arithmetic`` of the lead of an answer over its closest rival, in logits.
        needed: the same in the type's own arithmetic: margins that exceed it would be certified there, if the bound did
            not grow with them.
    """

    correct: int
    accuracy: float
    min_margin: float
    deviation: float | None = None
    certified: bool | None = None
    measured: tuple[str, ...] = ()
    certified_associations: int | None = None
    arithmetic: str | None = None
    bound: float | None = None
    needed: float | None = None

    @property
    def proof(self) -> str:
        """What is known of the answers, in a few words: proved, proved in float64, or measured in so many orders."""
        if self.certified:
            return "yes"
        if self.certified_associations == self.correct > 0:
            return f"in {self.arithmetic}; right in {several(len(self.measured), 'order')}"
        return f"no; right in {several(len(self.measured), 'order')}" if self.measured else "no"


@checked
def margins(logits: Float[np.ndarray, "T N"], answers: Int[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    r"""Return by how much each answer's logit exceeds the largest other one: $\ell_{y} - \max_{v \ne y} \ell_v$.

    Args:
        logits: one row a sequence.
        answers: the right tokens.

    Returns:
        Margins in logits; positive where the answer is the only argmax.

    Example:
        >>> margins(np.array([[3.0, 1.0, 2.5]]), np.array([0]))
        array([0.5])
    """
    rows = np.arange(len(answers))
    own = logits[rows, answers]
    others = logits.copy()
    others[rows, answers] = -np.inf
    return own - others.max(axis=1)


@checked
def margin(model: TokenModel, task: Associations, dtype: StoredName | None = None) -> Float[np.ndarray, " T"]:
    """Return the margin of every association, in logits.

    Args:
        model: who memorized.
        task: what.
        dtype: round the weights to it first; as they are by default.
    """
    return np.concatenate([margins(logits, task.answers[rows]) for rows, logits in logits_of(model, task, dtype)])


@checked
def recall(model: TokenModel, task: Associations, dtype: StoredName | None = None) -> Recall:
    """Run a model on every sequence and count the right answers.

    Args:
        model: who memorized.
        task: what.
        dtype: round the weights to it first (bfloat16 weights compute in float32); as they are by default.

    Returns:
        The counts and the smallest margin.
    """
    return counted(margin(model, task, dtype))


def counted(margins: Float[np.ndarray, " T"], **rest: Any) -> Recall:
    """Return the recall of associations with these margins."""
    correct = int((margins > 0).sum())
    return Recall(correct, correct / len(margins), float(margins.min()), **rest)


@checked
def divergences(pi: Float[np.ndarray, "T N"], logits: Float[np.ndarray, "T N"]) -> Float[np.ndarray, " T"]:
    r"""Return $\mathrm{KL}(\pi_t \| \operatorname{softmax}(\ell_t))$ of every row, in nats.

    Args:
        pi: distributions; a probability of zero contributes nothing.
        logits: $\ell$.

    Example:
        >>> divergences(np.array([[0.5, 0.5]]), np.zeros((1, 2)))
        array([0.])
    """
    # Rounding can bring it below the zero that it never crosses.
    return np.maximum(np.einsum("tv->t", xlogy(pi, pi) - pi * log_softmax(logits, axis=1)), 0.0)


@checked
def divergence(model: TokenModel, task: Distributions, dtype: StoredName | None = None) -> float:
    r"""Return $\sum_t w_t \mathrm{KL}(\pi_t \| p_t)$ of a model's next-token distributions $p_t$, in nats.

    Args:
        model: who memorized.
        task: what.
        dtype: round the weights to it first; as they are by default. The logits are compared in float64.
    """
    total = 0.0
    for rows, logits in (model.astype(dtype) if dtype else model).logits(task.modes.sequences):
        total += float(task.weight[rows] @ divergences(task.pi[rows], logits.astype(np.float64)))
    return total


def logits_of(model: TokenModel, task: Associations, dtype: str | None) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the logits of a task's sequences piece by piece, the weights rounded to a type first."""
    return (model.astype(dtype) if dtype else model).logits(task.sequences)
