"""Outputs to write and faults to strike them with, for tests and the processes that they start."""

import errno
import os
from pathlib import Path

from attncap import files, sums

# The calls that change the disk.
STEPS = ("mkdir", "rename", "replace", "unlink", "rmdir")


def put(path: Path, text: str, force: bool = True) -> None:
    with files.replacing(path, force=force, directory=True) as temporary:
        (temporary / "a.txt").write_text(text)
        (temporary / "b.txt").write_text(text)


def content(path: Path) -> set[str]:
    """What an output holds; it must be whole."""
    assert sums.check(path)
    assert sums.foreign(path) is None
    return {(path / name).read_text() for name in ("a.txt", "b.txt")}


def strike(replace, fault, at: int) -> list[str]:
    """Let the ``at``-th change of the disk strike; return the names of those that were made."""
    made: list[str] = []

    def hit(name, original):
        def call(*args, **kwargs):
            if len(made) == at:
                made.append(f"{name}!")
                fault()
            made.append(name)
            return original(*args, **kwargs)

        return call

    replace(files, "_renameat2", hit("renameat2", files._renameat2))
    for name in STEPS:
        replace(os, name, hit(name, getattr(os, name)))
    return made


def error() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def interrupt() -> None:
    raise KeyboardInterrupt
