"""What the worker does, one function a job: plain arguments in, JSON out. It stands in the directory of uploads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from attncap import archive, measure, memory, report, tasks
from attncap.archive import Archive
from attncap.commands.memorize import memorize as found_by
from attncap.data.tables import is_table, read_table
from attncap.errors import InputError
from attncap.explore.folder import MEMORIES
from attncap.fits import Peers
from attncap.memory.ledger import BEFORE
from attncap.result import plain

# Facts that a page gets at once.
SHOWN = 25
HOME = Path("..") / MEMORIES
# Columns and words that a page gets of a table.
COLUMNS = 200


def task(source: str, options: dict[str, Any]) -> dict[str, Any]:
    """Read a table or a text: the numbers that bounds need of it, and a table's columns."""
    found = tasks.load(source, **options)
    return {
        "name": found.name,
        "associations": found.associations,
        "vocabulary": found.vocabulary_size,
        "context": found.context,
        "bits": found.bits,
        "data_rank": found.data_rank,
        "queries": found.queries,
        "answers": len(np.unique(found.answers)),
        "notes": found.notes,
        "columns": read_table(source).columns[:COLUMNS] if Path(source).exists() and is_table(source) else [],
        "examples": [[*_asked(found, row), found.words(row)[1]] for row in range(min(3, found.associations))],
    }


def draft(number: str) -> Path:
    """Return where a memory is written; it gets its number when all of it is there and nobody cancelled."""
    return HOME / f".{number}"


def memorize(number: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run the command, and write what it found with its report, as a draft."""
    fit = found_by(**options)
    if isinstance(fit, Peers):
        raise InputError("layer", "one layer", "both")
    if fit.details.get("interrupted"):
        raise KeyboardInterrupt
    report.write(archive.write(fit, draft(number)))
    return {"memory": summarized(archive.read(draft(number)))}


def summary(number: str) -> dict[str, Any]:
    """Say what a memory holds."""
    return summarized(archive.read(HOME / number))


def summarized(held: Archive) -> dict[str, Any]:
    """Say what a memory holds, a draft as what it will be."""
    said = held.result
    return {
        "number": held.path.name.removeprefix("."),
        "name": held.task.name,
        "kind": held.task.kind,
        "associations": held.task.associations,
        "vocabulary": held.task.vocabulary_size,
        "context": held.task.context,
        "method": said.get("method"),
        "dtype": held.model.dtype,
        "shape": said["shape"],
        "recall": said["recall"][held.model.dtype],
        "bits": said["bits"],
        "task_bits": held.task.bits,
        "bits_per_parameter": said["bits_per_parameter"],
        "undo": (held.path / BEFORE).is_dir(),
    }


def ask(number: str, words: list[str]) -> dict[str, Any]:
    """Ask a memory one question."""
    answer: dict[str, Any] = plain(archive.read(HOME / number).ask(words))
    return answer


def facts(number: str, search: str) -> dict[str, Any]:
    """Find facts by their words: what is stored, and what the weights answer."""
    held = archive.read(HOME / number)
    task, wanted = held.task, search.lower().split()
    rows = np.array([row for row in range(task.associations) if _matches(task, row, wanted)], dtype=np.int64)
    shown = rows[:SHOWN]
    told = [
        {"query": _asked(task, row), "stored": task.words(row)[1], "answer": task.vocabulary[word], "margin": margin}
        for chunk, logits in held.logits(task.sequences[shown])
        for row, word, margin in zip(
            shown[chunk].tolist(),
            logits.argmax(axis=1),
            measure.margins(logits, task.answers[shown[chunk]]).tolist(),
            strict=True,
        )
    ]
    return {"found": len(rows), "facts": told}


def _asked(task: tasks.Associations, row: int) -> tuple[str, ...]:
    """Return a question as a person asks it."""
    words, _ = task.words(row)
    return words[::-1] if task.kind == "facts" else words


def _matches(task: tasks.Associations, row: int, wanted: list[str]) -> bool:
    words, answer = task.words(row)
    text = "\n".join([*words, answer]).lower()
    return all(word in text for word in wanted)


def edit(number: str, words: list[str]) -> dict[str, Any]:
    """Change or add one fact, as a draft of the changed memory."""
    held = archive.read(HOME / number)
    found = memory.edit(held, [words])
    memory.save(found, draft(number))
    told = plain(found)
    del told["recall"]
    return {"edited": told} | _change(number, held)


def forget(number: str, words: list[str]) -> dict[str, Any]:
    """Forget a fact, or all of a subject, as a draft of the changed memory."""
    held = archive.read(HOME / number)
    found = memory.forget(held, [words])
    memory.save(found, draft(number))
    taken = next(way for way in found.ways if way.way == found.way)
    said = {"facts": found.facts, "way": found.way, "threshold": found.threshold, "before": found.before.evidence}
    return {"forgotten": said | {"evidence": taken.evidence, "bits_left": taken.bits_left}} | _change(number, held)


def undo(number: str) -> dict[str, Any]:
    """Take back the last change, as a draft."""
    held = archive.read(HOME / number)
    memory.undone(HOME / number, draft(number))
    return _change(number, held)


def write_report(number: str) -> dict[str, Any]:
    """Write the report of a memory."""
    report.write(HOME / number)
    return {}


def _change(number: str, before: Archive) -> dict[str, Any]:
    now = summarized(archive.read(draft(number)))
    bits = {"before": before.result["bits"], "after": now["bits"]}
    return {"memory": now, "bits": bits}


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    job.__name__: job for job in (task, memorize, summary, ask, facts, edit, forget, undo, write_report)
}
