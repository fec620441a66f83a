"""What happened to a memory: its history, the state before the last change, and how a changed memory is written."""

import hashlib
import shutil
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from attncap import archive, sums
from attncap.archive import Archive
from attncap.constraints import checked
from attncap.errors import InputError
from attncap.files import changing, replacing

HISTORY, BEFORE = "history.json", "before"
# What a history may say of facts that must be forgotten: how many and when, by which method.
COUNTS = ("time", "kind", "method", "changed", "added", "forgotten")

Entry = dict[str, Any]


class DroppedWarning(UserWarning):
    """A change in place took away what showed the memory as it was: pictures, pages, exports."""


def changed(memory: Archive, **new: Any) -> Archive:
    """Return a memory with another model and task, which knows what it was changed from."""
    return replace(memory, ancestors=(*memory.ancestors, fingerprint(memory)), **new)


def fingerprint(memory: Archive) -> str:
    """Return a hash of what a memory is: its weights and its task."""
    task = memory.task
    found = hashlib.sha256("\0".join(task.vocabulary).encode("utf-8", "surrogatepass"))
    numbers = (task.sequences.astype(np.int64), task.answers.astype(np.int64))
    for array in (*memory.model.tensors().values(), *numbers):
        found.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return found.hexdigest()


@checked
def history(directory: str | Path) -> list[Entry]:
    """Return what was done to a memory, the oldest first.

    Raises:
        InputError: the file is damaged.
    """
    path = Path(directory) / HISTORY
    if not path.exists():
        return []
    entries = archive.read_json(path)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path}: expected a list of objects")
    return entries


def record(kind: str, **said: Any) -> Entry:
    """Return an entry of the history, made now."""
    return {"time": datetime.now(UTC).isoformat(timespec="seconds"), "kind": kind, **said}


def write(memory: Archive, out: str | Path | None, entry: Entry, *, force: bool = False, before: bool = False) -> Path:
    """Write a changed memory, whole or not at all: in its own place, or elsewhere.

    Args:
        memory: the memory as it is now; its path still holds what it was.
        out: another directory; in place by default.
        entry: what is added to the history. Without ``before`` everything that earlier entries say of contents goes.
        force: replace ``out`` if attncap wrote all of it.
        before: keep what the path holds now, for `undone`.

    Returns:
        The directory.

    Raises:
        InputError: it holds something that attncap did not write, must not be replaced, or was changed since.

    Warns:
        DroppedWarning: pictures, pages or exports lay there.
    """
    source = memory.path
    path = source if out is None else Path(out)
    with changing(source):
        in_place = path.is_dir() and path.resolve() == source.resolve()
        if in_place and fingerprint(archive.read(source)) not in (*memory.ancestors, fingerprint(memory)):
            raise InputError(f"{path}: was changed since it was read; read it again and make the change there")
        entries = history(source)
        if not before:
            entries = [{name: told[name] for name in COUNTS if name in told} for told in entries]
        derived = _derived(source) if in_place else []
        with replacing(path, force=force or out is None, directory=True) as temporary:
            archive.write_files(temporary, memory.model, memory.task, memory.result, memory.header)
            archive.write_json(temporary / HISTORY, [*entries, entry])
            if before:
                (temporary / BEFORE).mkdir()
                for name in (*archive.FILES, HISTORY):
                    if (source / name).exists():
                        shutil.copyfile(source / name, temporary / BEFORE / name)
        _warn(path, derived)
    return path


def _derived(directory: Path) -> list[str]:
    """Name what attncap wrote beside a memory's own files: it shows the memory as it is now."""
    listed = sums.listing(directory) or {}
    return [name for name in listed if name not in (*archive.FILES, HISTORY) and not name.startswith(f"{BEFORE}/")]


def _warn(path: Path, derived: list[str]) -> None:
    if derived:
        said = f"{path}: removed with what they showed: {', '.join(sorted(derived))}"
        warnings.warn(said, DroppedWarning, stacklevel=4)


@checked
def undone(directory: str | Path, out: str | Path | None = None, *, force: bool = False) -> Archive:
    """Take back the last change of a memory.

    Args:
        directory: the memory; in place it is what it was before, byte for byte.
        out: write that elsewhere instead.
        force: replace ``out`` if attncap wrote all of it.

    Returns:
        The memory as it was.

    Raises:
        InputError: there is no change to take back; a forget cannot be.
    """
    with changing(directory):
        memory = archive.read(directory)
        kept = memory.path / BEFORE
        if not kept.is_dir():
            forgot = any(entry.get("kind") == "forget" for entry in history(directory))
            why = "what was forgotten is gone" if forgot else "it was not edited, or its last edit was taken back"
            raise InputError(f"{directory}: nothing to undo; {why}")
        path = memory.path if out is None else Path(out)
        derived = _derived(memory.path) if out is None else []
        with replacing(path, force=force or out is None, directory=True) as temporary:
            for each in kept.iterdir():
                shutil.copyfile(each, temporary / each.name)
        _warn(path, derived)
    return archive.read(path)
