"""The same weights for another runtime."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from attncap.memory import Exported


def export(
    directory: Path, *, to: Literal["transformer-lens", "torch", "onnx"], out: Path, force: bool = False
) -> "Exported":
    """Write a memory for another runtime, and ask that runtime for every fact where it is installed.

    Args:
        directory: what ``attncap memorize --out`` wrote.
        to: the format.
        out: a directory, for onnx a file.
        force: replace an earlier export.

    Returns:
        What was written and checked.

    Raises:
        InputError: no such memory, or a place that must not be replaced.
        UnmetError: the runtime gives other answers.

    Example:
        >>> import tempfile
        >>> from attncap import construct, tasks
        >>> fit = construct.theorem(tasks.load("random:20,2,60"), embedding_dim=8)
        >>> path = fit.save(tempfile.mkdtemp() + "/m")
        >>> export(path, to="torch", out=path.with_name("torch")).facts
        60
    """
    from attncap import archive, memory

    return memory.export(archive.read(directory), to, out, force=force)
