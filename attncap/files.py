"""Outputs that appear whole or not at all, and where what can be made again is kept."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from attncap.errors import InputError


@contextmanager
def replacing(path: str | Path, *, force: bool = False, directory: bool = False, marker: str = "") -> Iterator[Path]:
    """Write to a temporary sibling and rename it onto ``path`` when the block ends well.

    Args:
        path: the file or directory to make.
        force: replace what is there.
        directory: make a directory (the block gets an empty one) instead of a file.
        marker: a file that an existing directory must hold to be replaced, so that ``force`` never
            deletes a directory that something else made.

    Yields:
        The temporary path (a file keeps its suffix).

    Raises:
        InputError: ``path`` exists and must not be replaced, or its parent cannot be written.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with replacing(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    path = Path(path)
    check_free(path, force=force, marker=marker if directory else "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise InputError(f"{path}: cannot write here ({error.strerror})") from None
    try:
        temporary = scratch / path.name
        if directory:
            temporary.mkdir()
        yield temporary
        if directory and path.exists():
            path.rename(scratch / "replaced")
        temporary.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def check_free(path: str | Path, *, force: bool = False, marker: str = "") -> None:
    """Refuse an output path before the work that would end there.

    Raises:
        InputError: ``path`` exists and ``force`` is not given, or it is a directory without ``marker``.
    """
    path = Path(path)
    if not path.exists():
        return
    if not force:
        raise InputError(f"{path}: exists already; choose another path, or force its replacement")
    foreign = path.is_dir() and any(path.iterdir()) and not (marker and (path / marker).is_file())
    if foreign or (marker and not path.is_dir()):
        raise InputError(f"{path}: was not written by attncap, so not even force replaces it; choose another path")


def cache(name: str) -> Path:
    """Return the path of one of our directories in the user's cache, which `XDG_CACHE_HOME` moves.

    Example:
        >>> cache("jax").parts[-2:]
        ('attncap', 'jax')
    """
    return Path(platformdirs.user_cache_dir("attncap", appauthor=False)) / name
