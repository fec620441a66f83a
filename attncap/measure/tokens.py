r"""What a model answers: recall, margin, divergence - the one definition of each.

Every measure reads a model through its logits $\ell(t)_v$ of token $v$ after sequence $t$.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_softmax, xlogy

from attncap.models import DTYPES, TokenModel
from attncap.progress import bar
from attncap.result import Result
from attncap.tasks import Associations, Distributions


@dataclass(frozen=True)
class Recall(Result):
    r"""What one evaluation of a task found.

    Attributes:
        correct: sequences whose answer has the strictly largest logit.
        accuracy: correct / T.
        min_margin: smallest margin, in logits.
        deviation: largest $|\ell - \ell_{\text{ref}}|$ from the reference model, in logits; None without one.
        certified: whether every sequence is right and the smallest margin exceeds twice the deviation, so that
            no rounding of this size can change an answer.
    """

    correct: int
    accuracy: float
    min_margin: float
    deviation: float | None = None
    certified: bool | None = None


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


def margin(model: TokenModel, task: Associations, dtype: str | None = None) -> Float[np.ndarray, " T"]:
    """Return the margin of every association, in logits.

    Args:
        model: who memorized.
        task: what.
        dtype: round the weights to it first; as they are by default.
    """
    return np.concatenate([margins(logits, task.answers[rows]) for rows, logits in logits_of(model, task, dtype)])


def recall(model: TokenModel, task: Associations, dtype: str | None = None) -> Recall:
    """Run a model on every sequence and count the right answers.

    Args:
        model: who memorized.
        task: what.
        dtype: round the weights to it first (bfloat16 weights compute in float32); as they are by default.

    Returns:
        The counts and the smallest margin.
    """
    return _recall(margin(model, task, dtype))


def verify(model: TokenModel, task: Associations, dtypes: Sequence[str] = DTYPES) -> dict[str, Recall]:
    """Run a model on every sequence in several types and compare each with the model as it is.

    Args:
        model: the reference, in float64.
        task: what it memorized.
        dtypes: the types to round its weights to.

    Returns:
        One `Recall` a type, with the deviation from the reference and whether it is certified.
    """
    cast = {dtype: model.astype(dtype).ready() for dtype in dtypes}
    found: dict[str, list[np.ndarray]] = {dtype: [] for dtype in dtypes}
    deviation = dict.fromkeys(dtypes, 0.0)
    with bar("verify every sequence", task.associations) as advance:
        for rows, reference in model.logits(task.sequences):
            for dtype, other in cast.items():
                logits = reference if dtype == model.dtype else other.forward(task.sequences[rows])
                deviation[dtype] = max(deviation[dtype], float(np.abs(logits - reference).max()))
                found[dtype].append(margins(logits, task.answers[rows]))
            advance(rows.stop - rows.start)
    return {dtype: _recall(np.concatenate(found[dtype]), deviation[dtype]) for dtype in dtypes}


def divergences(pi: Float[np.ndarray, "T N"], logits: Float[np.ndarray, "T N"]) -> Float[np.ndarray, " T"]:
    r"""Return $\mathrm{KL}(\pi_t \| \operatorname{softmax}(\ell_t))$ of every row, in nats.

    Args:
        pi: distributions; a probability of zero contributes nothing.
        logits: $\ell$.

    Example:
        >>> divergences(np.array([[0.5, 0.5]]), np.zeros((1, 2)))
        array([0.])
    """
    return np.einsum("tv->t", xlogy(pi, pi) - pi * log_softmax(logits, axis=1))


def divergence(model: TokenModel, task: Distributions, dtype: str | None = None) -> float:
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


def _recall(margins: Float[np.ndarray, " T"], deviation: float | None = None) -> Recall:
    correct, smallest = int((margins > 0).sum()), float(margins.min())
    certified = None if deviation is None else correct == len(margins) and smallest > 2 * deviation
    return Recall(correct, correct / len(margins), smallest, deviation, certified)
