"""Change and add facts in written weights."""

from pathlib import Path
from typing import TYPE_CHECKING

from attncap.constraints import Seed
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.memory import Edited


def edit(
    directory: Path,
    *,
    set: list[list[str]] | None = None,
    file: Path | None = None,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    seed: Seed = 0,
) -> "Edited":
    """Change, correct and add facts in a memory; nothing is written.

    Args:
        directory: what ``attncap memorize --out`` wrote.
        set: a fact: SUBJECT RELATION OBJECT; repeat it for more.
        file: the facts of a table, or of a task.parquet.
        subject: column of the subjects in file.
        relation: column of the relations in file.
        object: column of the answers in file.
        seed: of the rows of new tokens.

    Returns:
        What changed, and the memory as it is now.

    Raises:
        InputError: no such memory, one that cannot be edited, or no change.
        UnmetError: the shape does not hold the facts.

    Example:
        >>> import tempfile
        >>> from attncap import construct, tasks
        >>> task = tasks.facts({"country": ["Peru", "Fiji"], "capital": ["Lima", "Nadi"]})
        >>> path = construct.theorem(task, embedding_dim=8).save(tempfile.mkdtemp() + "/atlas")
        >>> edit(path, set=[["Fiji", "capital", "Suva"]]).changed
        1
    """
    from attncap import archive, memory, tasks

    if bool(set) == (file is not None):
        raise InputError("edit: expected either set or file, " + ("got both" if set else "got neither"))
    held = archive.read(directory)
    changes = tasks.load(file, subject=subject, relation=relation, object=object) if file is not None else set or []
    return memory.edit(held, changes, seed=seed)
