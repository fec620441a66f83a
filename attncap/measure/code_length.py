r"""Bits: what a model saves a receiver who has the weights and the prior and is sent the answers.

With $p_\lambda = \operatorname{softmax}(\lambda \ell)$ of the model's logits $\ell$ and the task's prior $q$,

$$\operatorname{bits} = \max_{\lambda > 0,\ 0 \le \varepsilon \le 1}
  \sum_t \log_2 \frac{(1-\varepsilon)\, p_\lambda(y_t \mid t) + \varepsilon\, q_t(y_t)}{q_t(y_t)}.$$

The temperature is free because a scale of the unembedding costs nothing; the mixture with the prior is what an answer
that was not memorized costs. Where the prior sends answers without replacement, its bits are a mean over orders.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from attncap.constraints import checked
from attncap.measure.mixture import LN2, best_mixture
from attncap.measure.tokens import logits_of
from attncap.models import TokenModel, chunks
from attncap.models.precision import StoredName
from attncap.numerics.memory import BUDGET
from attncap.result import Result
from attncap.tasks import Associations

Pieces = Iterable[tuple[slice, Float[np.ndarray, "_chunk N"]]]
# Finite scales of the grid; the infinite one is its last member. Evidence is the mean over as many mixtures.
GRID = 31
MIXTURES = 32
# The grid reaches from where the wider gaps between the two largest logits hardly count to where the narrower
# decide; between its members, around so many of its peaks, it is refined twice.
FAINT, HARD = 2.0**-8, 2.0**6
QUANTILES = (0.1, 0.9)
PEAKS, REFINED = 3, 8
# Factors whose logarithm is taken together.
PRODUCT = 8
# Bytes of logits, and of what the best mixtures take, that are worked on at a time.
PIECE = 1 << 22


@dataclass(frozen=True)
class Memorized(Result):
    r"""How much of a task a model memorized.

    Attributes:
        bits: saved by the best code.
        bits_hard: saved by the best code that reads the largest logit only ($\lambda \to \infty$).
        evidence: $\log_2$ of the mean of $2^{\text{bits}}$ over a fixed grid of codes: answers drawn from the prior
            without regard to the model reach $b$ with a probability of at most $2^{-b}$.
        scale: $\lambda$ of the best code.
        mixture: $\varepsilon$ of the best code.
    """

    bits: float
    bits_hard: float
    evidence: float
    scale: float
    mixture: float


@checked
def bits(model: TokenModel, task: Associations, dtype: StoredName | None = None) -> float:
    r"""Return how many bits of the task the model memorized: what its best code saves.

    $$\max_{\lambda > 0,\ 0 \le \varepsilon \le 1}
      \sum_t \log_2 \frac{(1-\varepsilon)\, p_\lambda(y_t \mid t) + \varepsilon\, q_t(y_t)}{q_t(y_t)},
      \qquad p_\lambda = \operatorname{softmax}(\lambda \ell(t))$$

    Args:
        model: who memorized.
        task: what; its ``surprisal`` is $-\log_2 q_t(y_t)$. A model knows numbers of tokens, not words: those of a task
            with other words are moved by `attncap.archive.Archive.translate`.
        dtype: round the weights to it first; as they are by default.

    Returns:
        Bits: all of ``task.bits`` where every answer has the strictly largest logit, about none where the answers
        have nothing to do with the model.

    Example:
        >>> from attncap.construct import theorem
        >>> from attncap.tasks import random_associations
        >>> task = random_associations(vocabulary=16, context=2, count=50)
        >>> bits(theorem(task, embedding_dim=6).model, task)
        200.0

    Source: Morris et al. 2025, "How much do language models memorize?" (arXiv 2505.24832), who count the entropy less
    the code length; the mixture makes that a code for models that memorized a part.
    """
    code = Code(lambda: logits_of(model, task, dtype), task)
    return task.bits if code.recalled else code.best[0]


@checked
def bits_hard(model: TokenModel, task: Associations, dtype: StoredName | None = None) -> float:
    r"""Return the bits that the best code saves that reads the largest logit only.

    $$\max_{0 \le \varepsilon \le 1} \sum_t \log_2\big((1-\varepsilon) [\text{right}] / q_t(y_t) + \varepsilon\big)$$

    With a uniform prior it is Fano's count $T (\log_2 N - h_2(e) - e \log_2(N-1))$ for an error rate
    $e \le 1 - 1/N$ and 0 above; it never exceeds `bits`.

    Args:
        model: who memorized.
        task: what.
        dtype: round the weights to it first; as they are by default.
    """
    return Code(lambda: logits_of(model, task, dtype), task).hard


@checked
def evidence(model: TokenModel, task: Associations, dtype: StoredName | None = None) -> float:
    r"""Return the evidence in bits that the model knows the answers.

    $$\log_2 \operatorname{mean}_{\lambda, \varepsilon} 2^{\operatorname{bits}(\lambda, \varepsilon)}$$

    over 32 x 32 codes fixed by the logits alone. If the answers were drawn from the prior, or, for facts, permuted
    within their relations, without regard to the model, it exceeds $b$ with a probability of at most $2^{-b}$,
    whatever the number of answers: 20 is one chance in a million. It may be negative.

    Args:
        model: who memorized.
        task: what.
        dtype: round the weights to it first; as they are by default.
    """
    return Code(lambda: logits_of(model, task, dtype), task).evidence


@checked
def memorized(model: TokenModel, task: Associations, dtype: StoredName | None = None) -> Memorized:
    """Return `bits`, `bits_hard` and `evidence`, computed together, and the code that is best.

    Args:
        model: who memorized.
        task: what.
        dtype: round the weights to it first; as they are by default.
    """
    code = Code(lambda: logits_of(model, task, dtype), task)
    found, scale, mixture = (task.bits, np.inf, 0.0) if code.recalled else code.best
    return Memorized(found, code.hard, code.evidence, scale, mixture)


@checked
def bits_per_parameter(model: TokenModel, task: Associations, dtype: StoredName | None = None) -> float:
    """Return `bits` divided by the number of free parameters (embeddings and unembeddings included)."""
    return bits(model, task, dtype) / model.parameters["total"]


class Code:
    """The codes of one model for one task: the scales that its logits suggest, and what each saves.

    Logits that fit in memory are kept; others are computed anew for every pass.

    Args:
        logits: yields them piece by piece, each time it is called.
        task: whose answers are coded: associations, or what says as much of its answers
            (`attncap.measure.examples.Classes`).
    """

    def __init__(self, logits: Callable[[], Pieces], task: Any) -> None:
        kept = 8 * task.associations * task.vocabulary_size <= BUDGET
        pieces = list(logits()) if kept else []
        self.pieces: Callable[[], Pieces] = (lambda: pieces) if kept else logits
        self.answers = task.answers
        self.surprisal = LN2 * task.surprisal_by_order
        gaps, right, self.limit = _survey(self.pieces(), task.answers)
        self.recalled = bool(right.all())
        self.hard = task.bits if self.recalled else float(self._best(np.where(right, 0.0, -np.inf)[None])[0][0])
        self.scales = _scales(gaps)
        self._log_p: Float[np.ndarray, "members T"] | None = None

    @property
    def log_p(self) -> Float[np.ndarray, "members T"]:
        r"""$\ln p_\lambda(y_t)$ at the scales of the grid; the last is infinite."""
        if self._log_p is None:
            self._log_p = np.vstack([log_probabilities(self.pieces(), self.answers, self.scales), self.limit])
        return self._log_p

    @property
    def best(self) -> tuple[float, float, float]:
        r"""The most bits saved, and the $\lambda$ and $\varepsilon$ that save them."""
        scales = np.append(self.scales, np.inf)
        found, mixtures = self._best(self.log_p)
        # The scale that the model has, then two refinements: around the peaks of the grid, and around the best.
        for count in (0, PEAKS, 1):
            extra = _around_peaks(scales, found, count) if count else np.ones(1)
            if not len(extra):
                break
            more, mixed = self._best(log_probabilities(self.pieces(), self.answers, extra))
            order = np.argsort(np.append(scales, extra), kind="stable")
            scales, found, mixtures = (
                np.append(*pair)[order] for pair in ((scales, extra), (found, more), (mixtures, mixed))
            )
        at = int(np.argmax(found))
        return float(found[at]), float(scales[at]), float(mixtures[at])

    @property
    def evidence(self) -> float:
        r"""$\log_2$ of the mean of $2^{\text{bits}}$ over the grid's scales and `MIXTURES` mixtures."""
        mixtures = np.concatenate([[0.0], 1 / (1 + np.exp(-np.linspace(-12.0, 12.0, MIXTURES - 2))), [1.0]])
        totals = np.array([self._mixed(log_p, mixtures) for log_p in self.log_p]) / LN2
        # Members that the grid lacks, where no scale is known, save nothing.
        totals = np.vstack([totals, np.zeros((GRID + 1 - len(totals), MIXTURES))])
        top = totals.max()
        return float(top + np.log2(np.mean(np.exp2(totals - top))))

    def _best(self, log_p: Float[np.ndarray, "members T"]) -> tuple[np.ndarray, np.ndarray]:
        """Return the bits and the mixture of the best code of every member."""
        orders, size = len(self.surprisal), self.surprisal.size
        weight = np.full(size, 1 / orders)
        pieces = [
            best_mixture((log_p[rows, None] + self.surprisal).reshape(-1, size), weight)
            for rows in chunks(len(log_p), 40 * size, PIECE)
        ]
        bits, mixtures = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        return bits, mixtures

    def _mixed(self, log_p: Float[np.ndarray, " T"], mixtures: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        """Return what each mixture saves, in nats, the mean over orders."""
        orders, count = self.surprisal.shape
        ratio = np.exp(log_p + self.surprisal)
        # A few factors are multiplied before the logarithm, which costs most.
        factors = PRODUCT if orders % PRODUCT == 0 else 1

        def nats(mixture: float) -> float:
            each = ((1 - mixture) * ratio + mixture).reshape(-1, factors, count)
            return float(np.log(each.prod(axis=1)).sum())

        with np.errstate(divide="ignore"):
            return np.array([nats(mixture) for mixture in mixtures.tolist()]) / orders


def log_probabilities(
    pieces: Pieces, answers: Int[np.ndarray, " T"], scales: Float[np.ndarray, " members"]
) -> Float[np.ndarray, "members T"]:
    r"""Return $\ln p_\lambda(y_t)$ at several scales, from one pass over the logits.

    Args:
        pieces: rows and their logits.
        answers: $y$.
        scales: $\lambda$, finite.
    """
    found = np.empty((len(scales), len(answers)))
    for rows, logits in pieces:
        below, own = _below(logits, answers[rows])
        buffer = np.empty_like(below)
        for member, scale in zip(found, scales, strict=True):
            np.multiply(below, below.dtype.type(scale), out=buffer)
            member[rows] = scale * own - np.log(np.exp(buffer, out=buffer).sum(axis=1))
    return found


def _below(
    logits: Float[np.ndarray, "t N"], answers: Int[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, "t N"], Float[np.ndarray, " t"]]:
    """Return the logits and the answers' own less the largest of the row."""
    below = logits - logits.max(axis=1, keepdims=True)
    return below, below[np.arange(len(answers)), answers].astype(np.float64)


def _survey(
    pieces: Pieces, answers: Int[np.ndarray, " T"]
) -> tuple[Float[np.ndarray, " gaps"], Bool[np.ndarray, " T"], Float[np.ndarray, " T"]]:
    r"""Return what the grid needs of the logits, and its infinite member.

    Returns:
        The gap below each row's largest logit to the next that is smaller (none where all are equal), whether the
        answer is strictly the largest, and $\ln p_\infty(y_t)$: ties share the probability.
    """
    gaps, right, limit = [], np.empty(len(answers), dtype=bool), np.empty(len(answers))
    for rows, logits in pieces:
        below, own = _below(logits, answers[rows])
        tied = (below == 0).sum(axis=1)
        right[rows] = (own == 0) & (tied == 1)
        limit[rows] = np.where(own == 0, -np.log(tied), -np.inf)
        gaps.append(-np.where(below == 0, -np.inf, below).max(axis=1))
    found = np.concatenate(gaps).astype(np.float64)
    return found[np.isfinite(found)], right, limit


def _scales(gaps: Float[np.ndarray, " gaps"]) -> Float[np.ndarray, " members"]:
    """Return the finite scales of the grid; none where every logit equals every other of its row."""
    if not len(gaps):
        return np.empty(0)
    narrow, wide = np.quantile(gaps, QUANTILES)
    return np.geomspace(FAINT / wide, HARD / narrow, GRID)


def _around_peaks(
    scales: Float[np.ndarray, " m"], found: Float[np.ndarray, " m"], count: int
) -> Float[np.ndarray, " refined"]:
    """Return scales between the neighbours of the largest local maxima."""
    padded = np.concatenate([[-np.inf], found, [-np.inf]])
    local = np.flatnonzero((padded[1:-1] >= padded[:-2]) & (padded[1:-1] >= padded[2:]) & (found > 0))
    around = {i for at in local[np.argsort(-found[local], kind="stable")][:count] for i in (at - 1, at)}
    gaps = [(low, high) for i, (low, high) in enumerate(pairwise(scales)) if i in around and np.isfinite(high)]
    inner = [np.geomspace(low, high, REFINED // 2 + 2)[1:-1] for low, high in gaps]
    return np.concatenate([np.empty(0), *inner])


def pieces_of(logits: Float[np.ndarray, "T N"]) -> Callable[[], Iterator[tuple[slice, np.ndarray]]]:
    """Return logits that are at hand in the form that `Code` reads."""
    return lambda: ((rows, logits[rows]) for rows in chunks(len(logits), 8 * logits.shape[1], PIECE))
