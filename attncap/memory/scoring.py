"""Score a method of forgetting on the memories of an organism, against those made without the facts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import softmax

from attncap import archive, measure
from attncap.archive import Archive
from attncap.constraints import checked
from attncap.errors import InputError
from attncap.memory.baselines import BASELINES
from attncap.memory.changes import places_of
from attncap.memory.organisms import truth
from attncap.memory.traces import ALPHA, Questions, threshold, told_apart
from attncap.memory.vocabularies import filled, shrunk
from attncap.memory.ways import Forgetting
from attncap.models import TokenModel
from attncap.result import Result
from attncap.tasks.parquet import read_task

if TYPE_CHECKING:
    from rich.console import RenderableType

Method = Callable[[Archive, Questions], TokenModel]
METHODS: dict[str, Method] = {
    "closed": lambda memory, asked: Forgetting(memory, asked).closed(),
    "descent": lambda memory, asked: Forgetting(memory, asked).descent(),
    **BASELINES,
}


@dataclass(frozen=True)
class Score(Result):
    """What a method did to one memory and one forget set, in the stored type.

    Attributes:
        family: of the organism.
        forget_set: its name.
        facts: how many were to be forgotten.
        forgotten: whether the claim of `attncap.memory.forget` holds against the memory made without them.
        evidence: two-sided, in bits.
        gold_evidence: of the memory made without them.
        rank_p: p value of the test that the old answers' ranks are those of that memory.
        recovered: old answers that come first, by the logits and by their negatives.
        recall_kept: share of the other facts that are recalled.
        kl_retain: mean KL of that memory's answers to the method's on the other facts, in nats.
    """

    family: str
    forget_set: str
    facts: int
    forgotten: bool
    evidence: float
    gold_evidence: float
    rank_p: float
    recovered: dict[str, int]
    recall_kept: float
    kl_retain: float


@dataclass(frozen=True)
class Scores(Result):
    """A method on a whole organism.

    Attributes:
        scores: one a memory and forget set.
    """

    scores: tuple[Score, ...]

    def __rich__(self) -> "RenderableType":
        from attncap.terminal import Rows

        table = Rows("family", "set", "facts", "forgot", "evidence", "without", "p", "read", "kept", "KL")
        for one in self.scores:
            table.add_row(
                one.family,
                one.forget_set,
                f"{one.facts:,}",
                "yes" if one.forgotten else "no",
                f"{one.evidence:.1f}",
                f"{one.gold_evidence:.1f}",
                f"{one.rank_p:.2f}",
                f"{one.recovered['logits']}/{one.recovered['turned']}",
                f"{one.recall_kept:.2%}",
                f"{one.kl_retain:.2g}",
            )
        return table


@checked
def score(directory: str | Path, method: Any) -> Scores:
    """Run a method of forgetting on every memory and forget set of an organism.

    Args:
        directory: what `organism` wrote.
        method: one of "closed", "descent", "rome", "memit", "ascent", or a function of a memory and the facts (their
            ``rows`` of its ``task``) that returns a model with the rows of all tokens.

    Returns:
        The scores.

    Raises:
        InputError: no such organism.
    """
    folder, found = Path(directory), []
    if method not in METHODS if isinstance(method, str) else not callable(method):
        raise InputError("method", f"a function, or {' or '.join(METHODS)}", method)
    run = METHODS[method] if isinstance(method, str) else method
    said = truth(folder)
    for each in said["forget_sets"]:
        full = filled(archive.read(folder / each["family"] / "full"))
        without = filled(archive.read(folder / each["family"] / f"without-{each['name']}"))
        facts = full.translate(read_task(folder / each["path"]))
        asked = Questions(full.task, np.sort(places_of(full.task, facts.sequences)))
        found.append(_scored(each["family"], each["name"], asked, run(full, asked), without, full))
    return Scores(tuple(found))


def _scored(family: str, name: str, asked: Questions, model: TokenModel, without: Archive, full: Archive) -> Score:
    stored = model.astype(full.model.dtype)
    gold = Forgetting(full, asked, 1).gold[0].astype(full.model.dtype)
    # A method that keeps the rows of answers that nobody has any more shows what they say.
    keeps = bool(stored.unembedding[np.setdiff1d(asked.answers, np.unique(asked.kept.answers))].any())
    traces, own = asked.traces(stored, silent=not keeps), asked.traces(gold)
    p = told_apart(traces.ranks, [own.ranks])
    small, kept = shrunk(stored, asked.kept)
    wanted = softmax(without.model.ready().forward(kept.sequences), axis=1)
    return Score(
        family,
        name,
        len(asked.rows),
        traces.evidence < threshold() and p >= ALPHA,
        traces.evidence,
        own.evidence,
        p,
        {side: traces.recovered[side] for side in ("logits", "turned")},
        measure.recall(small, kept).accuracy,
        float(measure.divergences(wanted, small.ready().forward(kept.sequences)).mean()),
    )
