"""What is to change: facts in words, sorted into those that get another answer and those that are new."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from attncap.archive import Archive
from attncap.data.spelling import spelling
from attncap.errors import InputError, nearest
from attncap.result import several
from attncap.tasks import Associations, associations
from attncap.tasks.association import relations

Words = Sequence[str]


@dataclass(frozen=True)
class Changes:
    """Changes of a task, in the numbers of a vocabulary that has the new words at its end.

    Attributes:
        rows: facts of the task that get another answer.
        answers: theirs.
        sequences: new facts' questions.
        added: their answers.
        words: tokens that the vocabulary lacks.
        unchanged: facts that are as asked for already.
    """

    rows: Int[np.ndarray, " k"]
    answers: Int[np.ndarray, " k"]
    sequences: Int[np.ndarray, "a S"]
    added: Int[np.ndarray, " a"]
    words: tuple[str, ...]
    unchanged: int

    @property
    def facts(self) -> int:
        """How many facts change or are new."""
        return len(self.rows) + len(self.added)

    def applied(self, task: Associations) -> Associations:
        """Return the task with the changes: changed facts in their places, new ones at the end."""
        answers = task.answers.copy()
        answers[self.rows] = self.answers
        surprisal = None
        if task.kind != "facts":
            # A new question is as surprising as the task's others: the prior was fixed before.
            surprisal = np.append(task.surprisal, np.full(len(self.added), task.surprisal.mean()))
        return associations(
            np.concatenate([task.sequences, self.sequences]),
            np.append(answers, self.added),
            [*task.vocabulary, *self.words],
            surprisal=surprisal,
            name=task.name,
            kind=task.kind,
            notes=task.notes,
        )


def check_editable(memory: Archive) -> None:
    """Refuse memories whose content is more than one answer a question.

    Raises:
        InputError: it holds distributions, or a text in which some context has several continuations.
    """
    if memory.header.get("method") == "distribution" or "kl" in memory.result:
        raise InputError(f"{memory.path}: holds distributions, whose answers are not single; memorize the new ones")
    notes = memory.result.get("task", {}).get("notes", [])
    if memory.task.kind == "text" and any("several continuations" in note for note in notes):
        raise InputError(
            f"{memory.path}: holds a text whose contexts have several continuations; memorize the corrected text"
        )


def read_changes(memory: Archive, changes: Any) -> Changes:
    """Sort changes into another answer and new facts.

    Args:
        memory: what is to change.
        changes: (SUBJECT, RELATION, OBJECT) for facts, the tokens and then the answer for others; or a task.

    Raises:
        InputError: nothing to change, too many or few words, or two answers to one question.
    """
    facts, context = memory.task.kind == "facts", memory.task.context
    wanted: dict[tuple[str, ...], str] = {}
    for words, answer in _spelt(memory, changes, context, facts):
        if wanted.setdefault(words, answer) != answer:
            shown = " ".join(words[::-1] if facts else words)
            raise InputError(f"changes: {shown!r} is to be {wanted[words]!r} and {answer!r}; expected one answer")
    if not wanted:
        raise InputError("changes: expected at least one fact, got none")
    known = {word: number for number, word in enumerate(memory.task.vocabulary)}
    new = [word for words, answer in wanted.items() for word in (*words, answer) if word not in known]
    number = known | {word: len(known) + at for at, word in enumerate(dict.fromkeys(new))}
    sequences = np.array([[number[word] for word in words] for words in wanted], dtype=np.int32)
    answers = np.array([number[answer] for answer in wanted.values()], dtype=np.int32)
    places = places_of(memory.task, sequences)
    there = places >= 0
    moved = there & (memory.task.answers[places] != answers)
    return Changes(
        places[moved], answers[moved], sequences[~there], answers[~there], tuple(dict.fromkeys(new)),
        int((there & ~moved).sum()),
    )  # fmt: skip


def _spelt(memory: Archive, changes: Any, context: int, facts: bool) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(changes, Associations):
        if changes.context != context:
            raise InputError(
                f"{changes.name}: sequences of {changes.context} tokens; {memory.path} takes {context} tokens"
            )
        return [changes.words(row) for row in range(changes.associations)]
    found = []
    for words in _listed(changes, "changes"):
        expected = "SUBJECT RELATION OBJECT" if facts and context == 2 else f"{context} tokens and the answer"
        if not _are_words(words) or len(words) != context + 1:
            got = " ".join(words) if _are_words(words) else repr(words)
            raise InputError(f"{memory.path}: expected {expected}, got {got or 'nothing'}")
        *asked, answer = (spelling(word).strip() for word in words)
        if not all(asked) or not answer:
            raise InputError(f"{memory.path}: expected {expected}, got an empty word")
        found.append((tuple(asked[::-1] if facts else asked), answer))
    return found


def _listed(given: Any, option: str) -> list[Any]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(option, "a list of facts, or a task", given)
    return list(given)


def _are_words(given: Any) -> bool:
    return isinstance(given, list | tuple) and all(isinstance(word, str) for word in given)


def places_of(task: Associations, sequences: Int[np.ndarray, "k S"]) -> Int[np.ndarray, " k"]:
    """Return the row of each sequence in a task; -1 where the task does not hold it."""
    row = {sequence.tobytes(): at for at, sequence in enumerate(task.sequences)}
    return np.array([row.get(each.astype(np.int32).tobytes(), -1) for each in sequences], dtype=np.int64)


def rows_of(memory: Archive, facts: Any) -> Int[np.ndarray, " k"]:
    """Return the rows of the facts that are named, in the task's order.

    Args:
        memory: who holds them.
        facts: SUBJECT (all of it) or (SUBJECT, RELATION), for other tasks the tokens of a sequence; or a task, whose
            answers do not matter.

    Raises:
        InputError: a fact that is not there, or nothing named.
    """
    task, found = memory.task, []
    if isinstance(facts, Associations):
        facts = [
            words[::-1] if task.kind == "facts" else words for words, _ in map(facts.words, range(len(facts.answers)))
        ]
    for words in _listed(facts, "facts"):
        given = [words] if isinstance(words, str) else words
        if not _are_words(given):
            raise InputError("facts", "SUBJECT or (SUBJECT, RELATION) each, in words", repr(words))
        found.append(_rows_of_one(memory, [spelling(word).strip() for word in given]))
    if not found:
        raise InputError("facts: expected at least one, got none")
    rows = np.unique(np.concatenate(found))
    if len(rows) == task.associations:
        raise InputError(f"{memory.path}: expected facts that leave some, got all {several(len(rows), 'fact')} of it")
    return rows


def _rows_of_one(memory: Archive, given: list[str]) -> Int[np.ndarray, " k"]:
    task, facts = memory.task, memory.task.kind == "facts"
    if len(given) not in ({1, task.context} if facts else {task.context}):
        expected = "SUBJECT or SUBJECT RELATION" if facts else several(task.context, "token")
        raise InputError(f"{memory.path}: expected {expected}, got {' '.join(given)}")
    number = {word: at for at, word in enumerate(task.vocabulary)}
    for word in given:
        if word not in number:
            raise InputError(f"{memory.path}: token {word!r} is not in the vocabulary{nearest(word, task.vocabulary)}")
    wanted = [number[word] for word in given]
    columns = task.sequences[:, ::-1] if facts else task.sequences
    rows = np.flatnonzero((columns[:, : len(wanted)] == wanted).all(axis=1))
    if not len(rows):
        raise InputError(f"{memory.path}: holds no fact of {' '.join(given)!r}")
    return rows


def groups(task: Associations) -> Int[np.ndarray, " T"]:
    """Return the relation of each fact; tasks without relations have one."""
    return relations(task.sequences) if task.kind == "facts" else np.zeros(task.associations, dtype=np.int32)
