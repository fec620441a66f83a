"""Relearning: teach half of what was forgotten again, and see how much of the other half comes back."""

from dataclasses import dataclass, replace

import numpy as np

from attncap.archive import Archive
from attncap.errors import UnmetError
from attncap.memory.editing import Editor
from attncap.memory.traces import Questions
from attncap.memory.vocabularies import answering
from attncap.models import TokenModel
from attncap.result import Result


@dataclass(frozen=True)
class Relearned(Result):
    """What came back.

    Attributes:
        taught: facts that were taught again.
        asked: the others that had been forgotten.
        returned: of these, how many are answered as before.
    """

    taught: int
    asked: int
    returned: int


def relearned(memory: Archive, model: TokenModel, asked: Questions, seed: int = 0) -> Relearned | None:
    """Teach every second forgotten fact again and ask for the others.

    Answers that had lost their row get one again, among them those that are asked for: an attacker knows the names.

    Args:
        memory: whose method and type it is.
        model: what it became, with the rows of all tokens.
        asked: what was forgotten.
        seed: of the order and of new rows.

    Returns:
        The counts; None where fewer than two facts were forgotten, or the shape does not take them.
    """
    if len(asked.rows) < 2:
        return None
    order = np.random.default_rng(seed).permutation(len(asked.rows))
    taught, others = asked.rows[order[: len(order) // 2]], asked.rows[order[len(order) // 2 :]]
    kept, task = asked.kept, asked.task
    fresh = np.setdiff1d(asked.answers, np.unique(kept.answers)).tolist()
    if fresh:
        model = answering(model, kept, fresh, model.encode(kept.sequences), 0.0, seed)
    now = replace(memory, model=model.astype(memory.model.dtype), task=kept)
    facts = [task.words(row) for row in taught.tolist()]
    turned = task.kind == "facts"
    try:
        again = Editor(now).edit([(*(words[::-1] if turned else words), answer) for words, answer in facts])
    except UnmetError:
        return None
    rest = replace(asked, rows=others)
    return Relearned(len(taught), len(others), rest.read(again.memory.model).recovered["logits"])
