r"""Change, correct and add facts in written weights: closed form where the features allow it, else a warm descent."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from attncap import measure
from attncap.archive import Archive
from attncap.constraints import Seed, checked
from attncap.errors import UnmetError
from attncap.fits import TokenShape, least_heads
from attncap.memory.changes import Changes, check_editable, read_changes
from attncap.memory.descent import descended, descended_whole, is_whole
from attncap.memory.ledger import changed
from attncap.memory.restated import restated
from attncap.memory.step import smallest_step
from attncap.memory.system import System
from attncap.memory.vocabularies import answering, grown, in_use
from attncap.models import Perceptron, TokenModel
from attncap.result import Result, hidden, several
from attncap.tasks import Associations

if TYPE_CHECKING:
    from rich.console import RenderableType

# A changed fact leads by this much more than the least of before, so that the least stays what it was.
LEAD = 1.05
# Where every margin is negative, what a changed fact is to lead by, in logits.
LEAST = 0.1
# A direction whose total effect on other facts is above this keeps none of them: see `System.leak`.
LEAK = 1.0


@dataclass(frozen=True, kw_only=True)
class Edited(Result):
    """What an edit came to.

    Attributes:
        changed: facts that have another answer.
        added: facts that are new.
        unchanged: facts that were as asked for.
        tokens: words that the vocabulary lacked.
        kept: of the other facts, how many are still answered.
        others: how many were answered before.
        method: "closed form" or "descent".
        leak: the largest total effect on others of moving one encoding by 1; None where nothing is linear in it.
        margins: the smallest margin before and after, in logits, in the stored type.
        recall: of the whole task, in the stored type.
        seconds: wall time, from the features to the recall.
        facts: question, answer before and answer after of each, in words.
        memory: the memory as it is now; `attncap.memory.save` writes it.
    """

    changed: int
    added: int
    unchanged: int
    tokens: tuple[str, ...]
    kept: int
    others: int
    method: str
    leak: float | None
    margins: dict[str, float]
    recall: measure.Recall
    seconds: float
    facts: tuple[tuple[tuple[str, ...], str | None, str], ...] = hidden()
    memory: Archive = hidden()

    def __rich__(self) -> "RenderableType":
        from attncap.terminal import Rows

        table = Rows()
        table.add_row("changed", f"{several(self.changed, 'fact')}, {self.added:,} added, {self.unchanged:,} as asked")
        if self.tokens:
            table.add_row("new tokens", ", ".join(self.tokens))
        table.add_row("kept", f"{self.kept:,} of {self.others:,} others")
        leak = "" if self.leak is None else f", largest leak {self.leak:.2g}"
        table.add_row("method", f"{self.method}{leak}, {self.seconds:.1f} s")
        before, after = self.margins["before"], self.margins["after"]
        table.add_row("smallest margin", f"{after:.3g}, {before:.3g} before")
        table.add_row(
            self.memory.model.dtype, f"{self.recall.correct:,} of {self.memory.task.associations:,} facts recalled"
        )
        return table


class Editor:
    """Edits of one memory after another; what was factored for one serves the next.

    Args:
        memory: what `attncap.archive.read` returns.

    Raises:
        InputError: it holds distributions, or a text with ties.

    Example:
        >>> import tempfile
        >>> import attncap as ac
        >>> task = ac.tasks.facts({"country": ["Peru", "Fiji"], "capital": ["Lima", "Nadi"]})
        >>> path = ac.construct.theorem(task, embedding_dim=8).save(tempfile.mkdtemp() + "/atlas")
        >>> editor = Editor(ac.archive.read(path))
        >>> editor.edit([("Fiji", "capital", "Suva")]).kept
        1
        >>> editor.memory.ask(["Fiji", "capital"]).answer
        'Suva'
    """

    def __init__(self, memory: Archive) -> None:
        check_editable(memory)
        self.memory = memory
        self._system: tuple[Associations, System] | None = None

    def system(self) -> System:
        """Return the factored system of the memory's task, factored anew only when its questions are others."""
        task = self.memory.task
        if self._system is None or not np.array_equal(self._system[0].sequences, task.sequences):
            self._system = task, System.of(self.memory.model, task)
        return self._system[1]

    def edit(self, changes: Any, *, seed: int = 0) -> Edited:
        """Change and add facts: see `edit`."""
        memory = self.memory
        wanted = read_changes(memory, changes)
        started = time.perf_counter()
        task, dtype = wanted.applied(memory.task), memory.model.dtype
        # Where nothing changes nothing needs to be factored.
        margins = self.system().margins if wanted.facts else measure.margin
        before = margins(memory.model, memory.task)
        right = before > 0
        spared = right.copy()
        spared[wanted.rows] = False
        lead = LEAD * float(before[right].min()) if right.any() else LEAST
        model = grown(memory.model.astype("float64"), wanted.words, wanted.sequences, seed)
        model = self._with_answers(model, memory.task, wanted, lead, seed)
        must = np.append(spared, np.ones(len(wanted.added), dtype=bool))
        must[wanted.rows] = True
        found, leak, method = None, None, "closed form"
        if wanted.facts:
            found, leak = self._closed(model, wanted, task, lead)
            leads = None if found is None else margins(found.astype(dtype), task)
            if leads is None or not (leads[must] > 0).all():
                method = "descent"
                found, leads = self._descended(model, task, dtype, must, float(before.min()))
        else:
            found, leads = model, before
        assert found is not None
        assert leads is not None
        new = changed(memory, model=in_use(found, task, memory.model).astype(dtype), task=task)
        recall = measure.Recall(int((leads > 0).sum()), float((leads > 0).mean()), float(leads.min()))
        edited = Edited(
            changed=len(wanted.rows),
            added=len(wanted.added),
            unchanged=wanted.unchanged,
            tokens=wanted.words,
            kept=int((leads[: len(spared)][spared] > 0).sum()),
            others=int(spared.sum()),
            method=method,
            leak=leak,
            margins={"before": float(before.min()), "after": float(leads.min())},
            recall=recall,
            seconds=time.perf_counter() - started,
            facts=_told(wanted, memory.task, task),
            memory=replace(new, result=restated(new, recall)),
        )
        self.memory = edited.memory
        return edited

    def _with_answers(
        self, model: TokenModel, task: Associations, wanted: Changes, lead: float, seed: int
    ) -> TokenModel:
        answers = np.append(wanted.answers, wanted.added)
        fresh = np.setdiff1d(answers, np.unique(task.answers)).tolist()
        return answering(model, task, fresh, model.encode(task.sequences), lead, seed) if fresh else model

    def _closed(
        self, model: TokenModel, wanted: Changes, task: Associations, lead: float
    ) -> tuple[TokenModel | None, float | None]:
        """Move the encodings of the facts alone, as little as their answers need."""
        system = self.system()
        extra = system.rows_of(model, wanted.sequences)
        directions = system.directions(wanted.rows, extra)
        if directions is None:
            return None, None
        leak = system.leak(directions, wanted.rows)
        if leak > LEAK:
            return None, leak
        sequences = np.concatenate([task.sequences[wanted.rows], wanted.sequences])
        steps = _steps(model, sequences, np.append(wanted.answers, wanted.added), task, lead)
        if steps is None:
            return None, leak
        return system.moved(model, directions, steps), leak

    def _descended(
        self, model: TokenModel, task: Associations, dtype: str, must: np.ndarray, before: float
    ) -> tuple[TokenModel, Float[np.ndarray, " T"]]:
        """Descend on all facts, or say how many heads they would take.

        Raises:
            UnmetError: the shape does not hold them.
        """
        lead = max(0.0, before / 2)
        # What was descended as a whole is changed as a whole; else the readout alone, while that does.
        ways = (descended, descended_whole)
        for way in ways[::-1] if is_whole(self.memory) else ways:
            if (reached := way(model, task, dtype, lead)) is not None:
                leads = measure.margin(reached.model, task, dtype)
                if (leads[must] > 0).all():
                    return reached.model, leads
        raise UnmetError(refusal(self.memory, task, int((leads[must] <= 0).sum())))


@checked
def edit(memory: Archive, changes: Any, *, seed: Seed = 0) -> Edited:
    r"""Change, correct and add facts in a memory; every other fact that it answers stays answered.

    Of the facts $E$ that change, the encodings are moved by the smallest $\delta_t$ with which the answers lead,
    $[C; W] \leftarrow [C; W] + S V D$ (`attncap.memory.system`), where the total effect on others,
    $1/h_t - 1$ for the leverage $h_t = m_t^\top K^{-1} m_t$, is small; else the readout descends from where it stands,
    on all facts. Either way the whole task is run in the stored type.

    Args:
        memory: what `attncap.archive.read` returns; it is not changed.
        changes: (SUBJECT, RELATION, OBJECT) each, for other tasks the tokens and then the answer; or a task.
        seed: of the rows of new tokens.

    Returns:
        The changed memory and how it was changed; `attncap.memory.save` writes it.

    Raises:
        InputError: what cannot be changed: distributions, texts with ties, two answers to one question.
        UnmetError: the shape does not hold the facts; with how many heads it would take.

    Example:
        >>> import tempfile
        >>> import attncap as ac
        >>> task = ac.tasks.facts({"country": ["Peru", "Fiji"], "capital": ["Lima", "Nadi"]})
        >>> path = ac.construct.theorem(task, embedding_dim=8).save(tempfile.mkdtemp() + "/atlas")
        >>> found = edit(ac.archive.read(path), [("Fiji", "capital", "Suva"), ("Chad", "capital", "N'Djamena")])
        >>> found.changed, found.added, found.kept, found.method
        (1, 1, 1, 'closed form')

    Source: the update with the least effect on other keys is that of Meng et al. 2022, "Locating and Editing Factual
    Associations in GPT" (arXiv 2202.05262), and Meng et al. 2023, "Mass-Editing Memory in a Transformer"
    (arXiv 2210.07229); here $K$ is that of all the facts that there are.
    """
    return Editor(memory).edit(changes, seed=seed)


def refusal(memory: Archive, task: Associations, lost: int) -> str:
    """Say in one line that a shape does not hold a task, and how many heads it would take."""
    shape = TokenShape.of(memory.model, memory.task, memory.model.dtype)
    return (
        f"{memory.path}: {shape.layer} lose {several(lost, 'fact')} of the {task.associations:,} that are to be "
        f"answered; {_instead(memory, task)}"
    )


def _instead(memory: Archive, task: Associations) -> str:
    model = memory.model
    if isinstance(model, Perceptron):
        units = 2 * model.units
        return f"more units may hold them: attncap memorize --layer perceptron --units {units}"
    bound = "corrected" if memory.header.get("method") == "theorem" else "margin"
    try:
        heads = max(least_heads(task, model.embedding_dim, model.head_dim, bound=bound), model.heads + 1)
    except UnmetError:
        return "no number of heads holds them at this embedding dimension; memorize them in a larger one"
    return f"about {heads} heads would hold them: attncap memorize --heads {heads}"


def _steps(
    model: TokenModel,
    sequences: Int[np.ndarray, "e S"],
    answers: Int[np.ndarray, " e"],
    task: Associations,
    lead: float,
) -> Float[np.ndarray, "e d"] | None:
    used = measure.answers_in_use(task)
    # Tokens that are never answers have one and the same row, or were trained to lose.
    others = np.setdiff1d(np.arange(task.vocabulary_size), used)
    silent = others[~model.unembedding[others].any(axis=1)]
    rivals = np.concatenate([used, silent[:1], np.setdiff1d(others, silent)])
    found = []
    for encoding, answer in zip(model.encode(sequences), answers.tolist(), strict=True):
        step = smallest_step(encoding, model.unembedding, answer, lead, rivals)
        if step is None:
            return None
        found.append(step)
    return np.array(found)


def _told(wanted: Changes, old: Associations, new: Associations) -> Any:
    """Return question, answer before and after of every change, in words; of facts the subject first."""
    turn = -1 if new.kind == "facts" else 1
    changed = [(old.words(row), new.words(row)[1]) for row in wanted.rows.tolist()]
    added = [new.words(row) for row in range(old.associations, new.associations)]
    return (
        *((asked[::turn], before, after) for (asked, before), after in changed),
        *((asked[::turn], None, answer) for asked, answer in added),
    )
