"""What happened to a memory: its history, the state before the last change, and how a changed memory is written."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attncap import archive
from attncap.archive import Archive
from attncap.constraints import checked
from attncap.errors import InputError
from attncap.files import replacing

HISTORY, BEFORE = "history.json", "before"
# What a history may say of facts that must be forgotten: how many and when, by which method.
COUNTS = ("time", "kind", "method", "changed", "added", "forgotten")

Entry = dict[str, Any]


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
        InputError: it holds something that attncap did not write, or must not be replaced.
    """
    source = memory.path
    path = source if out is None else Path(out)
    entries = history(source)
    if not before:
        entries = [{name: told[name] for name in COUNTS if name in told} for told in entries]
    with replacing(path, force=force or out is None, directory=True) as temporary:
        archive.write_files(temporary, memory.model, memory.task, memory.result, memory.header)
        archive.write_json(temporary / HISTORY, [*entries, entry])
        if before:
            (temporary / BEFORE).mkdir()
            for name in (*archive.FILES, HISTORY):
                if (source / name).exists():
                    shutil.copyfile(source / name, temporary / BEFORE / name)
    return path


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
    memory = archive.read(directory)
    kept = memory.path / BEFORE
    if not kept.is_dir():
        last = next((entry["kind"] for entry in reversed(history(directory)) if entry.get("kind") == "forget"), None)
        why = "what was forgotten is gone" if last else "it was not edited, or its last edit was taken back"
        raise InputError(f"{directory}: nothing to undo; {why}")
    path = memory.path if out is None else Path(out)
    with replacing(path, force=force or out is None, directory=True) as temporary:
        for each in kept.iterdir():
            shutil.copyfile(each, temporary / each.name)
    return archive.read(path)
