"""Which part of the weights writes a fact."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attncap.memory import Explained


def explain(directory: Path, words: list[str]) -> "Explained":
    """Attribute the margin of a fact to the skip connection and each head.

    Args:
        directory: what ``attncap memorize --out`` wrote.
        words: SUBJECT RELATION, or the tokens of a sequence.

    Returns:
        The margin and its shares.

    Raises:
        InputError: no such memory, or a token that it does not know.

    Example:
        >>> import tempfile
        >>> from attncap import construct, tasks
        >>> fit = construct.theorem(tasks.load("random:20,2,60"), embedding_dim=8)
        >>> found = explain(fit.save(tempfile.mkdtemp() + "/m"), list(fit.task.words(0)[0]))
        >>> found.shares[0].part
        'skip'
    """
    from attncap import archive, memory

    return memory.explain(archive.read(directory), words)
