"""Two memories, fact by fact and in bits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attncap import measure
from attncap.archive import SHOWN, Archive
from attncap.constraints import checked
from attncap.errors import InputError
from attncap.result import Result, several
from attncap.tasks import Associations

if TYPE_CHECKING:
    from rich.console import RenderableType

Words = tuple[str, ...]


@dataclass(frozen=True)
class Difference(Result):
    """A question that two memories answer differently.

    Attributes:
        query: its tokens, for facts the subject and then the relation.
        kind: "changed", "lost" or "gained".
        before: what the first says; None if it does not know a token of the question.
        after: what the second says.
    """

    query: Words
    kind: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Compared(Result):
    """Two memories, by what their weights say.

    Attributes:
        asked: questions: those that either was taught, or those of a file.
        same: both give one answer.
        changed: both give an answer, and the second was taught its own, or nobody was taught any.
        lost: the first was taught it and says so, the second neither.
        gained: the second was taught it and says so, the first neither.
        bits: of the facts, what each memory holds ("a", "b"): a file's, or those that the first was taught.
        differences: every question that is not the same.
    """

    asked: int
    same: int
    changed: int
    lost: int
    gained: int
    bits: dict[str, float]
    differences: tuple[Difference, ...]

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        head = Rows()
        head.add_row("asked", several(self.asked, "question"))
        for name in ("same", "changed", "lost", "gained"):
            head.add_row(name, f"{getattr(self, name):,}")
        head.add_row("bits", f"{self.bits['a']:,.0f} and {self.bits['b']:,.0f}")
        if not self.differences:
            return head
        table = Rows("asked", "", "before", "after")
        for each in self.differences[:SHOWN]:
            table.add_row(" ".join(each.query), each.kind, each.before or "(unknown)", each.after or "(unknown)")
        more = len(self.differences) - SHOWN
        return Group(head, "", table, *([f"and {more:,} more"] if more > 0 else []))


@checked
def compare(a: Archive, b: Archive, facts: Associations | None = None) -> Compared:
    """Compare what two memories say, question by question, and their bits.

    Args:
        a: the first.
        b: the second.
        facts: the questions and their answers; by default those that either was taught, the first's answer where both
            were.

    Returns:
        The counts, the bits and the differences.

    Raises:
        InputError: sequences of another length.

    Example:
        >>> import tempfile
        >>> import attncap as ac
        >>> task = ac.tasks.facts({"country": ["Peru", "Fiji"], "capital": ["Lima", "Nadi"]})
        >>> path = ac.construct.theorem(task, embedding_dim=8).save(tempfile.mkdtemp() + "/atlas")
        >>> memory = ac.archive.read(path)
        >>> found = compare(memory, ac.memory.edit(memory, [("Fiji", "capital", "Suva")]).memory)
        >>> found.same, found.changed, found.differences[0].after
        (1, 1, 'Suva')
    """
    if a.task.context != b.task.context:
        raise InputError(f"{b.path}: sequences of {b.task.context} tokens; {a.path} takes {a.task.context}")
    if facts is not None and facts.context != a.task.context:
        raise InputError(f"{facts.name}: sequences of {facts.context} tokens; {a.path} takes {a.task.context}")
    taught = [dict(map(memory.task.words, range(memory.task.associations))) for memory in (a, b)]
    if facts is None:
        questions = list(dict.fromkeys([*taught[0], *taught[1]]))
    else:
        wanted = dict(map(facts.words, range(facts.associations)))
        questions, taught = list(wanted), [wanted, {}]
    said = [_answers(memory, questions) for memory in (a, b)]
    turned = a.task.kind == "facts"
    kinds, differences = dict.fromkeys(("same", "changed", "lost", "gained"), 0), []
    for asked, before, after in zip(questions, *said, strict=True):
        kind = _kind(before, after, taught[0].get(asked), taught[1].get(asked))
        kinds[kind] += 1
        if kind != "same":
            differences.append(Difference(asked[::-1] if turned else asked, kind, before, after))
    reference = a.task if facts is None else facts
    bits = {name: _bits(memory, reference) for name, memory in (("a", a), ("b", b))}
    return Compared(len(questions), **kinds, bits=bits, differences=tuple(differences))


def _kind(before: str | None, after: str | None, first: str | None, second: str | None) -> str:
    if before == after and before is not None:
        return "same"
    if second is not None and after == second:
        return "gained" if first is None else "changed"
    if first is not None and before == first:
        return "lost"
    return "same" if before == after else "changed"


def _answers(memory: Archive, questions: Sequence[Words]) -> list[str | None]:
    number = {memory.task.vocabulary[token]: token for token in memory.model.readable.tolist()}
    known = [at for at, words in enumerate(questions) if all(word in number for word in words)]
    said: list[str | None] = [None] * len(questions)
    if known:
        sequences = np.array([[number[word] for word in questions[at]] for at in known], dtype=np.int32)
        for rows, logits in memory.model.logits(sequences):
            for at, token in zip(known[rows], logits.argmax(axis=1).tolist(), strict=True):
                said[at] = memory.task.vocabulary[token]
    return said


def _bits(memory: Archive, task: Associations) -> float:
    """Return the bits of the facts whose tokens a memory knows; of others it holds none."""
    number = {word: at for at, word in enumerate(memory.task.vocabulary)}
    places = np.array([number.get(word, -1) for word in task.vocabulary], dtype=np.int32)
    rows = (places[task.sequences] >= 0).all(axis=1) & (places[task.answers] >= 0)
    if not rows.any():
        return 0.0
    known = task.subset(rows)
    moved = replace(
        known,
        sequences=places[known.sequences],
        answers=places[known.answers],
        vocabulary=memory.task.vocabulary,
    )
    return measure.bits(memory.model, moved)
