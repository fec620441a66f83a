"""Outputs that appear whole or not at all, and replace nothing that attncap did not write."""

import ctypes
import errno
import fcntl
import glob
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

import platformdirs

from attncap import sums
from attncap.errors import InputError

LOCK = ".lock"
NOREPLACE, EXCHANGE = 1, 2
AT_FDCWD = -100
# What a full, limited, read-only or failing disk says.
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
# What Rust's libraries say of the system's refusals.
RUST = re.compile(r"\(os error (\d+)\)")
UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}
_changed: ContextVar[frozenset[str]] = ContextVar("changed", default=frozenset())


class RestoredWarning(UserWarning):
    """An interrupted replacement was undone."""


@contextmanager
def replacing(path: str | Path, *, force: bool = False, directory: bool = False) -> Iterator[Path]:
    """Write to a temporary place beside ``path`` and move it there in one step when the block ends well.

    A directory gets a SHA256SUMS of all that the block wrote; a file written into such a directory is added to it.
    A link is followed. Of several processes that make the same new path, the first wins.

    Args:
        path: the file or directory to make.
        force: replace what is there, if attncap wrote all of it.
        directory: make a directory (the block gets an empty one) instead of a file.

    Yields:
        The temporary path (it has the name of the final one).

    Raises:
        InputError: ``path`` exists and must not be replaced, or it cannot be written.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with replacing(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    path = check_free(path, force=force, directory=directory)
    with _scratch(path) as scratch:
        temporary = scratch / path.name
        if directory:
            with _writable(path):
                temporary.mkdir()
        # Other errors in the block are its own.
        with _writable(path, DISK), _naming(temporary, path):
            yield temporary
        with _writable(path):
            if directory:
                sums.write(temporary)
            check_free(path, force=force, directory=directory)
            _listed(path, without=True)
            put(temporary, path, force=force)
            _listed(path)


def check_free(path: str | Path, *, force: bool = False, directory: bool = False) -> Path:
    """Refuse an output before the work that would end there, and mend what an interrupted replacement left.

    Args:
        path: where the output is to be.
        force: whether what attncap wrote there may be replaced.
        directory: whether it is to be a directory.

    Returns:
        The place itself, links followed.

    Raises:
        InputError: it exists and must not be replaced, or it cannot be written.
    """
    path = Path(path)
    with _writable(path):
        path = Path(os.path.realpath(path))
        restore(path)
        if path.exists():
            _check_replaceable(path, force, directory)
        parent = next(folder for folder in path.parents if folder.exists())
        if not parent.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if any(len(os.fsencode(part)) > os.pathconf(parent, "PC_NAME_MAX") for part in path.parts):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        os.rmdir(tempfile.mkdtemp(prefix=".attncap-", dir=parent))
    return path


def check_apart(outputs: Mapping[str, str | Path | None], inputs: Mapping[str, str | Path | None]) -> None:
    """Refuse an output that would replace what is read, or another output.

    Args:
        outputs: what is to be written, by the name of its option; None where nothing is.
        inputs: what is read, likewise.

    Raises:
        InputError: an output is an input or holds it, or two outputs are one place or one holds the other.

    Example:
        >>> check_apart({"plot": "t.svg", "out": None}, {"source": "t.json"})
        >>> check_apart({"plot": "t.json"}, {"source": "t.json"})
        Traceback (most recent call last):
            ...
        attncap.errors.InputError: plot: expected a place that does not hold t.json, which is read, got 't.json'
    """
    places = {name: Path(os.path.realpath(path)) for name, path in outputs.items() if path is not None}
    for name, place in places.items():
        for read in inputs.values():
            if read is not None and Path(os.path.realpath(read)).is_relative_to(place):
                raise InputError(name, f"a place that does not hold {read}, which is read", str(outputs[name]))
        for other, there in places.items():
            if other != name and there.is_relative_to(place):
                raise InputError(name, f"a place apart from {outputs[other]}, which is written too", str(outputs[name]))


def restore(path: Path) -> None:
    """Put back the directory that a replacement killed between its two steps had moved aside.

    Warns:
        RestoredWarning: it was put back.
    """
    aside = _aside(path)
    try:
        if not aside.exists():
            return
    except OSError:
        # Whoever reads or writes the path itself says why that cannot be.
        return
    if path.exists():
        # The second step was taken too; only the removal of the old output is missing.
        if sums.foreign(aside) is None:
            shutil.rmtree(aside)
        return
    aside.rename(path)
    warnings.warn(f"{path}: restored; a run that was to replace it was interrupted", RestoredWarning, stacklevel=2)


@contextmanager
def changing(path: str | Path) -> Iterator[None]:
    """Read a directory and write it again alone: of two that do so at once, the first's change would be lost.

    Inside the block the same directory may be changed by what is called there.

    Raises:
        InputError: another process is at it.

    Example:
        >>> import tempfile
        >>> with changing(tempfile.mkdtemp()):
        ...     pass
    """
    place = os.path.realpath(path)
    try:
        held = None if place in _changed.get() else os.open(place, os.O_RDONLY)
    except OSError:
        # Whoever reads it says why that cannot be.
        held = None
    if held is None:
        yield
        return
    token = _changed.set(_changed.get() | {place})
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # What was locked may have been replaced by whoever held it before.
            alone = os.path.samestat(os.fstat(held), os.stat(place))
        except BlockingIOError:
            alone = False
        if not alone:
            raise InputError(f"{path}: another process is changing it; run the same again when that has ended")
        yield
    finally:
        _changed.reset(token)
        os.close(held)


def cache(name: str) -> Path:
    """Return the path of one of our directories in the user's cache, which `XDG_CACHE_HOME` moves.

    Example:
        >>> cache("jax").parts[-2:]
        ('attncap', 'jax')
    """
    return Path(platformdirs.user_cache_dir("attncap", appauthor=False)) / name


def _check_replaceable(path: Path, force: bool, directory: bool) -> None:
    if not force:
        raise InputError(f"{path}: exists already; choose another path, or force its replacement")
    if directory != path.is_dir():
        kinds = ("a file", "a directory")
        raise InputError(f"{path}: is {kinds[not directory]}, expected {kinds[directory]}; choose another path")
    if directory and any(path.iterdir()) and (other := sums.foreign(path)) is not None:
        raise InputError(
            f"{path}: even force replaces only what attncap wrote, and {other} there is not; choose another path"
        )


@contextmanager
def _writable(path: Path, codes: Container[int | None] | None = None) -> Iterator[None]:
    """Turn the system's refusal to write a path into one line."""
    try:
        yield
    except Exception as error:
        code = _code(error)
        if code is None or (codes is not None and code not in codes):
            raise
        raise InputError(f"{path}: cannot write here ({os.strerror(code)})") from None


def _code(error: Exception) -> int | None:
    """Return the system's number for what went wrong, if it was the system's."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = RUST.search(str(error))
    return int(found[1]) if found else None


@contextmanager
def _naming(temporary: Path, path: Path) -> Iterator[None]:
    """Name in an error the place that was asked for, not the temporary one."""
    try:
        yield
    except InputError as error:
        if str(temporary) not in str(error):
            raise
        raise InputError(str(error).replace(str(temporary), str(path))) from None


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """Make a locked directory beside a path, and remove those that dead processes left."""
    prefix = f".{path.name[:40]}.attncap-"
    with _writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    try:
        for left in path.parent.glob(f"{glob.escape(prefix)}*"):
            with suppress(OSError), (left / LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        with _writable(path):
            lock = (scratch / "unlocked").open("w")
        with lock:
            with _writable(path):
                fcntl.flock(lock, fcntl.LOCK_EX)
                # Under its own name only once it is locked: nobody takes a scratch in use for one that was left.
                (scratch / "unlocked").rename(scratch / LOCK)
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _aside(path: Path) -> Path:
    # The directory that a process stands in has its name elsewhere.
    path = path if path.name else path.resolve()
    return path.with_name(f"{path.name[:40]}.attncap-replaced")


def put(temporary: Path, path: Path, *, force: bool) -> None:
    """Move an output into its place, in one step: new, over a file, or in exchange for a directory."""
    if not (force and path.exists()):
        _move_new(temporary, path)
    elif not path.is_dir():
        temporary.replace(path)
    elif not _renameat2(temporary, path, EXCHANGE):
        _swap(temporary, path)


def _move_new(temporary: Path, path: Path) -> None:
    try:
        if not _renameat2(temporary, path, NOREPLACE):
            if temporary.is_dir():
                temporary.rename(path)
            else:
                os.link(temporary, path)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise InputError(f"{path}: exists already; another process made it meanwhile") from None
        raise


def _swap(temporary: Path, path: Path) -> None:
    """Replace a directory in two steps; killed between them, the next command on it finds the old one aside."""
    aside = _aside(path)
    if aside.exists():
        raise InputError(f"{aside}: in the way; remove it")
    path.rename(aside)
    try:
        temporary.rename(path)
    except BaseException:
        if not path.exists():
            aside.rename(path)
        raise
    shutil.rmtree(aside)


def _renameat2(old: Path, new: Path, flags: int) -> bool:
    """Rename with Linux's flags in one step; False where the system or the file system has no such call.

    Raises:
        OSError: it has, and refuses.
    """
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    if call(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags) == 0:
        return True
    code = ctypes.get_errno()
    if code in UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(new))


def _listed(path: Path, *, without: bool = False) -> None:
    """Keep the SHA256SUMS of a directory that gets one more file true at every moment."""
    hashes = sums.listing(path.parent)
    if hashes is None or path.is_dir() or path.name == sums.NAME:
        return
    if without:
        if hashes.pop(path.name, None) is None:
            return
    else:
        hashes[path.name] = sums.digest(path)
    sums.write(path.parent, hashes)
