r"""Forget facts, and show what is left of them: three ways side by side, against the memory without them."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from attncap import measure
from attncap.archive import Archive
from attncap.constraints import Count, checked
from attncap.errors import UnmetError
from attncap.memory.changes import check_editable, rows_of
from attncap.memory.ledger import changed
from attncap.memory.relearning import Relearned, relearned
from attncap.memory.restated import restated
from attncap.memory.traces import ALPHA, Questions, Traces, threshold, told_apart
from attncap.memory.vocabularies import filled, in_use, shrunk
from attncap.memory.ways import GOLDS, Forgetting
from attncap.models import TokenModel
from attncap.numerics.memory import chunks
from attncap.result import Result, hidden, several

if TYPE_CHECKING:
    from rich.console import RenderableType

WayName = Literal["closed", "descent", "retrain"]
WAYS: tuple[WayName, ...] = get_args(WayName)


@dataclass(frozen=True, kw_only=True)
class Way(Result):
    r"""One way of forgetting, measured in the stored type.

    Attributes:
        way: "closed", "descent" or "retrain".
        forgotten: whether the two-sided evidence is below $\log_2 1/\alpha$ bits and the old answers' ranks are not
            told apart from those of the gold standards ($p \ge \alpha = .05$).
        evidence: two-sided, in bits (`attncap.memory.Traces`).
        bits_left: saved by the best code of either sign.
        heads_evidence: evidence in the last linear map's outputs alone.
        rank: mean rank of the old answers among their candidates, 0 to 1.
        rank_p: p value of the test that the ranks are those of gold standards.
        recovered: old answers that an attacker reads, by the logits, by their negatives, by the last map alone.
        recall_kept: share of the other facts that are recalled.
        kept: how many.
        bits_kept: of the other facts.
        kl_forget: mean $\mathrm{KL}$ of the gold standard's answers to its, over the forgotten facts, in nats.
        kl_retain: the same over the others.
        distance: largest difference of a weight from the gold standard's; None where gold standards differ themselves.
        relearned: how many come back when half is taught again; None for one fact.
        seconds: wall time of finding the weights.
        model: the weights, in float64, with the rows of all tokens.
    """

    way: str
    forgotten: bool
    evidence: float
    bits_left: float
    heads_evidence: float
    rank: float
    rank_p: float
    recovered: dict[str, int]
    recall_kept: float
    kept: int
    bits_kept: float
    kl_forget: float
    kl_retain: float
    distance: float | None
    relearned: Relearned | None
    seconds: float
    model: TokenModel = hidden()

    @property
    def whole(self) -> bool:
        """Whether every other fact is recalled."""
        return self.recall_kept == 1.0


@dataclass(frozen=True, kw_only=True)
class Forgotten(Result):
    """What a forget came to.

    Attributes:
        facts: how many were forgotten.
        others: facts that stay.
        way: the one that was taken: the first that forgets and keeps, or the one asked for.
        threshold: the evidence in bits that counts as knowing.
        before: what the memory knew.
        ways: all that were measured.
        gold_to_gold: mean KL between gold standards on the forgotten and the other facts, in nats; None for one.
        tokens: how many names left the vocabulary.
        seconds: wall time.
        memory: the memory as it is now, with nothing of them in it.
        gold: the gold standard as a memory.
    """

    facts: int
    others: int
    way: str
    threshold: float
    before: Traces
    ways: tuple[Way, ...]
    gold_to_gold: dict[str, float] | None
    tokens: int
    seconds: float
    memory: Archive = hidden()
    gold: Archive = hidden()

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        head = Rows()
        head.add_row("forgotten", f"{several(self.facts, 'fact')} of {self.facts + self.others:,}, way {self.way}")
        head.add_row("before", f"{self.before.evidence:.1f} bits of evidence; {self.threshold:.1f} count as knowing")
        if self.tokens:
            head.add_row("names", f"{several(self.tokens, 'token')} left the vocabulary")
        table = Rows("way", "evidence", "bits left", "rank", "p", "attacker", "kept", "KL gold", "relearned", "forgot")
        for way in self.ways:
            table.add_row(
                way.way,
                f"{way.evidence:.2f}",
                f"{way.bits_left:.2f}",
                f"{way.rank:.2f}",
                f"{way.rank_p:.2f}",
                "/".join(str(count) for count in way.recovered.values()),
                f"{way.kept:,}",
                f"{way.kl_forget:.2g}, {way.kl_retain:.2g}",
                "" if way.relearned is None else f"{way.relearned.returned} of {way.relearned.asked}",
                "yes" if way.forgotten else "no",
            )
        note = "attacker: old answers read by the logits / the logits turned / the last map alone"
        return Group(head, "", table, note)


@checked
def forget(
    memory: Archive,
    facts: Any,
    *,
    way: WayName | None = None,
    golds: Count = GOLDS,
) -> Forgotten:
    r"""Forget facts: three ways side by side, the first that forgets them and keeps the others is taken.

    * closed: the leave-one-out prediction (`attncap.memory.ways.Forgetting.closed`), on theorem memories the weights
      that solving without the facts gives;
    * descent: on the facts that stay, with the prior on those that go;
    * retrain: memorized without them, the gold standard.

    Forgotten is a fact whose answer shows no two-sided evidence, $\lambda$ of either sign, above
    $\log_2 1/\alpha = 4.3$ bits, and whose rank among the candidates is not told apart from gold standards'.

    Args:
        memory: what `attncap.archive.read` returns; it is not changed.
        facts: SUBJECT (all of it) or (SUBJECT, RELATION) each, for other tasks the tokens; or a task.
        way: take this one, whatever it came to.
        golds: gold standards of memories whose weights depend on a seed, at least 2.

    Returns:
        The table, the memory without the facts, and the gold standard.

    Raises:
        InputError: facts that are not there, all of them, or a memory of distributions or texts with ties.
        UnmetError: no way forgets them and keeps the others; with what each came to.

    Example:
        >>> import tempfile
        >>> import attncap as ac
        >>> fit = ac.construct.theorem(ac.tasks.load("random:20,2,60"), embedding_dim=8, heads=8)
        >>> found = forget(ac.archive.read(fit.save(tempfile.mkdtemp() + "/m")), [fit.task.words(7)[0]])
        >>> found.way, found.ways[0].kept, found.ways[0].recall_kept
        ('closed', 59, 1.0)
    """
    started = time.perf_counter()
    check_editable(memory)
    asked, stored = Questions(memory.task, rows_of(memory, facts)), memory.model
    memory = filled(memory)
    forgetting = Forgetting(memory, asked, golds)
    ways = tuple(_measured(forgetting, name) for name in WAYS)
    taken = _taken(memory, ways, way)
    new, gold = (_finished(memory, model, asked, stored) for model in (taken.model, forgetting.gold[0]))
    return Forgotten(
        facts=len(asked.rows),
        others=asked.kept.associations,
        way=taken.way,
        threshold=threshold(),
        before=asked.traces(memory.model, silent=False),
        ways=ways,
        gold_to_gold=_between(forgetting),
        tokens=memory.task.vocabulary_size - new.task.vocabulary_size,
        seconds=time.perf_counter() - started,
        memory=new,
        gold=gold,
    )


def _taken(memory: Archive, ways: tuple[Way, ...], asked_for: WayName | None) -> Way:
    for way in ways:
        if way.way == asked_for or (asked_for is None and way.forgotten and way.whole):
            return way
    told = "; ".join(
        f"{way.way}: {way.evidence:.1f} bits of evidence, ranks told apart at p = {way.rank_p:.2g}, "
        f"{way.recall_kept:.2%} of the others kept"
        for way in ways
    )
    raise UnmetError(f"{memory.path}: no way forgets these facts and keeps all others ({told}); name one with way")


def _measured(forgetting: Forgetting, name: WayName) -> Way:
    asked, dtype = forgetting.asked, forgetting.memory.model.dtype
    started = time.perf_counter()
    model: TokenModel = getattr(forgetting, name)()
    seconds = time.perf_counter() - started
    golds = forgetting.gold[1:] if name == "retrain" and len(forgetting.gold) > 1 else forgetting.gold
    stored = model.astype(dtype)
    traces = asked.traces(stored)
    p = told_apart(traces.ranks, [asked.read(gold.astype(dtype)).ranks for gold in golds])
    small, kept = shrunk(stored, asked.kept)
    recall = measure.recall(small, kept)
    return Way(
        way=name,
        forgotten=traces.evidence < threshold() and p >= ALPHA,
        evidence=traces.evidence,
        bits_left=traces.bits_left,
        heads_evidence=traces.heads_evidence,
        rank=traces.rank,
        rank_p=p,
        recovered=traces.recovered,
        recall_kept=recall.accuracy,
        kept=recall.correct,
        bits_kept=measure.bits(small, kept),
        kl_forget=_divergence(golds[0], model, asked.sequences),
        kl_retain=_divergence(golds[0], model, asked.kept.sequences),
        distance=_distance(model, golds[0]) if forgetting.is_solved else None,
        relearned=relearned(forgetting.memory, model, asked),
        seconds=seconds,
        model=model,
    )


def _between(forgetting: Forgetting) -> dict[str, float] | None:
    if len(forgetting.gold) < 2:
        return None
    first, asked = forgetting.gold[0], forgetting.asked
    return {
        name: float(np.mean([_divergence(first, other, sequences) for other in forgetting.gold[1:]]))
        for name, sequences in (("forget", asked.sequences), ("retain", asked.kept.sequences))
    }


def _divergence(gold: TokenModel, model: TokenModel, sequences: np.ndarray) -> float:
    total = 0.0
    for rows in chunks(len(sequences), 4 * gold.row_bytes()):
        wanted = softmax(gold.forward(sequences[rows]), axis=1)
        total += float(measure.divergences(wanted, model.forward(sequences[rows])).sum())
    return total / len(sequences)


def _distance(model: TokenModel, gold: TokenModel) -> float:
    pairs: list[tuple[Float[np.ndarray, ...], Float[np.ndarray, ...]]] = [
        (tensor, gold.tensors()[name]) for name, tensor in model.tensors().items()
    ]
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def _finished(memory: Archive, model: TokenModel, asked: Questions, stored: TokenModel) -> Archive:
    """Return the memory of the facts that stay, with the names and rows that they use, laid out as it was stored."""
    small, kept = shrunk(model, replace(asked.kept, notes=()))
    new = changed(memory, model=in_use(small, kept, stored).astype(stored.dtype), task=kept)
    return replace(new, result=restated(new, measure.recall(new.model, kept)))
