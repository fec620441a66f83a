"""Two memories, fact by fact and in bits."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attncap.memory import Compared


def compare(
    directory: Path,
    other: Path,
    *,
    facts: Path | None = None,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
) -> "Compared":
    """Compare what two memories answer, question by question, and their bits.

    Args:
        directory: the first.
        other: the second.
        facts: the questions of a table or a task.parquet; by default those that either was taught.
        subject: column of the subjects in facts.
        relation: column of the relations in facts.
        object: column of the answers in facts.

    Returns:
        The counts, the bits and the differences.

    Raises:
        InputError: no such memory or file, or sequences of another length.

    Example:
        >>> import tempfile
        >>> from attncap import construct, tasks
        >>> fit = construct.theorem(tasks.load("random:20,2,60"), embedding_dim=8)
        >>> path = fit.save(tempfile.mkdtemp() + "/m")
        >>> compare(path, path).same
        60
    """
    from attncap import archive, memory, tasks

    asked = None if facts is None else tasks.load(facts, subject=subject, relation=relation, object=object)
    return memory.compare(archive.read(directory), archive.read(other), asked)
