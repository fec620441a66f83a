"""Forget facts of written weights, three ways side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attncap.constraints import Count
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.memory import Forgotten


def forget(
    directory: Path,
    words: list[str] | None = None,
    *,
    file: Path | None = None,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    way: Literal["closed", "descent", "retrain"] | None = None,
    golds: Count = 3,
) -> "Forgotten":
    """Forget facts of a memory and measure what is left of them; nothing is written.

    Args:
        directory: what ``attncap memorize --out`` wrote.
        words: SUBJECT, all of it, or SUBJECT RELATION; for other tasks the tokens of a sequence.
        file: the facts of a table, or of a task.parquet; the answers in it do not matter.
        subject: column of the subjects in file.
        relation: column of the relations in file.
        object: column of the answers in file.
        way: take this one; by default the first that forgets the facts and keeps the others.
        golds: gold standards of memories whose weights depend on a seed.

    Returns:
        The table, and the memory as it is now.

    Raises:
        InputError: no such memory or fact.
        UnmetError: no way forgets the facts and keeps the others.

    Example:
        >>> import tempfile
        >>> from attncap import construct, tasks
        >>> fit = construct.theorem(tasks.load("random:20,2,60"), embedding_dim=8, heads=8)
        >>> path = fit.save(tempfile.mkdtemp() + "/m")
        >>> forget(path, list(fit.task.words(0)[0])).others
        59
    """
    from attncap import archive, memory, tasks

    if bool(words) == (file is not None):
        raise InputError("forget: expected either SUBJECT or file, " + ("got both" if words else "got neither"))
    held = archive.read(directory)
    if file is not None:
        return memory.forget(
            held, tasks.load(file, subject=subject, relation=relation, object=object), way=way, golds=golds
        )
    return memory.forget(held, [words or []], way=way, golds=golds)
