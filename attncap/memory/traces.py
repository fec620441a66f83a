r"""What a model still knows of facts: two-sided evidence, bits, ranks and what an attacker reads.

A fact's answer is told from its candidates, the answers that its relation has, against a prior that does not know it:
$q(v) = (n_v + \tfrac12) / (n + \tfrac k2)$ with $n_v$ of the relation's $n$ other answers and $k$ candidates, or
$q = 1/k$ if that gives the relation's forgotten answers more: where every fact has an answer of its own, those that are
missing are likelier than the histogram has it, which is no memory of any. Evidence is thus sound for answers drawn from
either. A model in which the old answer was pushed to the bottom reads in full with its logits turned; so both signs of
$\lambda$ count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import ks_2samp, rankdata

from attncap import measure
from attncap.measure.code_length import Code, pieces_of
from attncap.memory.changes import groups
from attncap.memory.descent import Prior
from attncap.models import TokenModel
from attncap.result import Result
from attncap.tasks import Associations, associations

ALPHA = 0.05
# Krichevsky and Trofimov 1981, "The performance of universal encoding" (IEEE Trans. Inf. Theory 27).
SMOOTHING = 0.5


@dataclass(frozen=True)
class Traces(Result):
    r"""What is left of facts in a model.

    Attributes:
        evidence: $\log_2$ of the mean of $2^{\text{bits}}$ over a fixed grid of codes with $\lambda$ of both signs:
            answers drawn from the prior without regard to the model reach $b$ with a probability of at most $2^{-b}$.
        bits_left: saved by the best of these codes.
        heads_evidence: the same evidence from the last linear map's outputs alone, without what is carried past it.
        ranks: of the old answers among their candidates, 0 (first) to 1 (last).
        recovered: old answers that come first: by the logits, by their negatives ("turned"), by the last map alone.
    """

    evidence: float
    bits_left: float
    heads_evidence: float
    ranks: Float[np.ndarray, " k"]
    recovered: dict[str, int]

    @property
    def rank(self) -> float:
        """The mean rank; 1/2 for a model that knows nothing."""
        return float(self.ranks.mean())


class Reading(NamedTuple):
    """Ranks of old answers, and how many come first: see `Traces`."""

    ranks: Float[np.ndarray, " k"]
    recovered: dict[str, int]


@dataclass(frozen=True)
class Questions:
    """Facts that a model is asked about, fixed before it is.

    Attributes:
        task: the whole task.
        rows: the facts; the others are the ones that stay.
    """

    task: Associations
    rows: Int[np.ndarray, " k"]

    @cached_property
    def kept(self) -> Associations:
        """The task without them, in the same vocabulary."""
        return self.task.subset(np.delete(np.arange(self.task.associations), self.rows))

    @property
    def sequences(self) -> Int[np.ndarray, "k S"]:
        """Their questions."""
        return self.task.sequences[self.rows]

    @property
    def answers(self) -> Int[np.ndarray, " k"]:
        """Their answers."""
        return self.task.answers[self.rows]

    @cached_property
    def prior(self) -> Prior:
        """The prior over each one's candidates."""
        group, size = groups(self.task), self.task.vocabulary_size
        stays = np.ones(self.task.associations, dtype=bool)
        stays[self.rows] = False
        candidates = np.zeros((len(self.rows), size), dtype=bool)
        probability = np.zeros((len(self.rows), size))
        for one in np.unique(group[self.rows]):
            inside = group == one
            known = np.bincount(self.task.answers[inside], minlength=size) > 0
            count = np.bincount(self.task.answers[inside & stays], minlength=size)[known] + SMOOTHING
            at = np.ix_(group[self.rows] == one, known)
            candidates[at], probability[at] = True, count / count.sum()
        return Prior(self.sequences, candidates, probability)

    @cached_property
    def coded(self) -> Associations:
        """The facts as a task whose prior is the one above."""
        histogram = -np.log2(self.prior.probability[np.arange(len(self.rows)), self.answers])
        even = np.log2(self.prior.candidates.sum(axis=1))
        group = groups(self.task)[self.rows]
        # One of the two for all of a relation, so that none of them gives any answers more than it.
        blind = [even[group == one].sum() < histogram[group == one].sum() for one in group]
        surprisal = np.where(blind, even, histogram)
        size = self.task.vocabulary_size
        return associations(self.sequences, self.answers, size, surprisal=surprisal, name=self.task.name)

    def read(self, model: TokenModel, *, silent: bool = True) -> Reading:
        """Return where the old answers stand among their candidates: see `traces`."""
        logits, alone = self._both(model, silent)
        return Reading(
            np.array([self._rank(row, at) for at, row in enumerate(logits)]),
            {"logits": self._first(logits), "turned": self._first(-logits), "heads": self._first(alone)},
        )

    def traces(self, model: TokenModel, *, silent: bool = True) -> Traces:
        """Measure what a model knows of the facts.

        Args:
            model: with the rows of all tokens of the task.
            silent: whether answers that no fact has that stays have lost their row. Then they get the mean logit of
                those that have one, so that nothing is read off their absence.
        """
        logits, alone = self._both(model, silent)
        codes = [self._code(each) for each in (logits, -logits)]
        reading = self.read(model, silent=silent)
        return Traces(
            evidence=_mean_power([code.evidence for code in codes]),
            bits_left=max(code.best[0] for code in codes),
            heads_evidence=_mean_power([self._code(each).evidence for each in (alone, -alone)]),
            ranks=reading.ranks,
            recovered=reading.recovered,
        )

    def _both(self, model: TokenModel, silent: bool) -> tuple[Float[np.ndarray, "k N"], Float[np.ndarray, "k N"]]:
        """Return the logits, and those of the last map's outputs alone."""
        ready = model.ready()
        carried, features = ready.split(self.sequences)
        inner = features @ ready.readout
        return self._logits(ready, carried + inner, silent), self._logits(ready, inner, silent)

    def _logits(self, model: TokenModel, encodings: Float[np.ndarray, "k d"], silent: bool) -> Float[np.ndarray, "k N"]:
        logits = (encodings @ model.unembedding.T).astype(np.float64)
        if silent:
            used = measure.answers_in_use(self.kept)
            others = np.setdiff1d(np.arange(logits.shape[1]), used)
            logits[:, others] = logits[:, used].mean(axis=1, keepdims=True)
        return logits

    def _code(self, logits: Float[np.ndarray, "k N"]) -> Code:
        return Code(pieces_of(np.where(self.prior.candidates, logits, -np.inf)), self.coded)

    def _rank(self, logits: Float[np.ndarray, " N"], at: int) -> float:
        candidates = np.flatnonzero(self.prior.candidates[at])
        place = rankdata(-logits[candidates])[int(np.flatnonzero(candidates == self.answers[at])[0])]
        return float((place - 0.5) / len(candidates))

    def _first(self, logits: Float[np.ndarray, "k N"]) -> int:
        among: Bool[np.ndarray, "k N"] = self.prior.candidates & (self.prior.candidates.sum(axis=1) > 1)[:, None]
        shown = np.where(among, logits, -np.inf)
        own = shown[np.arange(len(shown)), self.answers]
        shown[np.arange(len(shown)), self.answers] = -np.inf
        return int((own > shown.max(axis=1)).sum())


def told_apart(ranks: Float[np.ndarray, " k"], others: Sequence[Float[np.ndarray, " k"]]) -> float:
    """Return the p value of Kolmogorov and Smirnov's test that ranks are distributed like those of gold standards."""
    return float(ks_2samp(ranks, np.concatenate(list(others))).pvalue)


def threshold(alpha: float = ALPHA) -> float:
    """Return the evidence in bits that a model without the facts exceeds with a probability of at most ``alpha``.

    Example:
        >>> round(threshold(), 2)
        4.32
    """
    return float(-np.log2(alpha))


def _mean_power(bits: Sequence[float]) -> float:
    top = max(bits)
    return float(top + np.log2(np.mean(np.exp2(np.array(bits) - top))))
