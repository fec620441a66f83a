"""Check a memory on disk again: its hashes, what it recalls, and what was proved of that."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncap import archive, measure, sums
from attncap.errors import InputError
from attncap.result import Result, several

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Verified(Result):
    """What is true of a memory now, beside what was written with it.

    Attributes:
        path: the directory.
        files: files whose hash was compared with SHA256SUMS; None where a directory of 0.1.0 has none.
        dtype: the type that the weights are stored in; None where files differ, whose weights are not run.
        recall: what the weights answer to the whole task, with its certificate, in that type; None likewise.
        recorded: the same from result.json; None where that has none.
        differences: what is not as it was written, a line each.
    """

    path: str
    files: int | None
    dtype: str | None
    recall: measure.Recall | None
    recorded: dict[str, Any] | None
    differences: tuple[str, ...]

    def __rich__(self) -> "RenderableType":
        from attncap.terminal import Rows

        table = Rows()
        checked = (
            "not checked: SHA256SUMS is not there" if self.files is None else f"{several(self.files, 'file')} checked"
        )
        table.add_row("files", checked)
        if self.recall is not None:
            found = self.recall
            table.add_row("weights in", str(self.dtype))
            table.add_row(
                "recalled", f"{found.correct:,} ({found.accuracy:.2%}), smallest margin {found.min_margin:.3g}"
            )
            table.add_row("certified", found.proof)
        for place, line in enumerate(self.differences or ("nothing",)):
            table.add_row("" if place else "differs", line)
        return table


def verify(directory: str | Path) -> Verified:
    """Compare a memory with what was written: every file's hash, the recall of the whole task, and its certificate.

    Args:
        directory: what `attncap.archive.write` wrote.

    Returns:
        What was found. The weights of a directory whose files differ are not run.

    Raises:
        InputError: there is no memory, or none that can be read.

    Example:
        >>> import tempfile
        >>> from attncap.construct import theorem
        >>> from attncap.tasks import random_associations
        >>> path = theorem(random_associations(10, 2, 20), embedding_dim=8).save(f"{tempfile.mkdtemp()}/memory")
        >>> found = verify(path)
        >>> found.files, found.recall.correct, found.differences
        (4, 20, ())
    """
    path = Path(directory)
    if not path.is_dir():
        raise InputError(f"{path}: no such directory; expected one that attncap memorize wrote")
    hashes = sums.listing(path)
    different = tuple(sums.differences(path))
    files = None if hashes is None else len(hashes)
    if different:
        return Verified(str(path), files, None, None, None, different)
    memory = archive.read(path)
    dtype = memory.model.dtype
    recall = measure.verify(memory.model.astype("float64"), memory.task, (dtype,))[dtype]
    recorded = _recorded(memory, dtype)
    return Verified(str(path), files, dtype, recall, recorded, tuple(_compared(memory, recall, recorded)))


def _recorded(memory: archive.Archive, dtype: str) -> dict[str, Any] | None:
    """Return what result.json says of this type; an ensemble and a fit of other software have no such part."""
    found = memory.result.get("recall")
    part = found.get(dtype) if isinstance(found, dict) else None
    return part if isinstance(part, dict) else None


def _compared(memory: archive.Archive, recall: measure.Recall, recorded: dict[str, Any] | None) -> list[str]:
    now = {"correct": recall.correct, "certified": recall.certified}
    if recorded is None or memory.distributed:
        # Nothing was promised of single answers.
        return []
    return [
        f"{name}: {value} now, {recorded[name]} in {archive.RESULT}"
        for name, value in now.items()
        if name in recorded and recorded[name] != value
    ]
