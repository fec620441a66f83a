"""The one directory that the explorer reads and writes: uploaded tables, and memories by number."""

import fcntl
import gzip
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from attncap.data.tables import FORMATS
from attncap.errors import InputError, UnmetError
from attncap.files import put

MARK = "attncap-explore"
UPLOADS, MEMORIES = "uploads", "memories"
# What the command line reads; the longer of two suffixes is the first.
SUFFIXES = (*(f"{suffix}.gz" for suffix in FORMATS), *FORMATS, ".txt")
# Bytes of one table and of all, and memories that are kept.
LARGEST, QUOTA, MOST = 32 << 20, 256 << 20, 100
LONGEST = 60  # characters of a name


class Folder:
    """Names and places in the explorer's directory; nothing that a page says becomes a path.

    Args:
        path: the directory, which is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        for part in (UPLOADS, MEMORIES):
            (self.path / part).mkdir(exist_ok=True)
            self.clean(part)
        self._arriving = 0

    @property
    def uploads(self) -> list[str]:
        """Names of the tables that were uploaded."""
        return sorted(each.name for each in (self.path / UPLOADS).iterdir() if not each.name.startswith("."))

    @property
    def memories(self) -> list[str]:
        """Numbers of the memories, the oldest first."""
        return sorted((each.name for each in (self.path / MEMORIES).iterdir() if each.name.isdecimal()), key=int)

    def memory(self, number: str) -> Path:
        """Return the place of a memory that is there.

        Raises:
            LookupError: there is none of this number.
        """
        if number not in self.memories:
            raise LookupError(f"memory {number[:LONGEST]!r}: none of this number is kept")
        return self.path / MEMORIES / number

    def fresh(self) -> str:
        """Return the number of the next memory.

        Raises:
            UnmetError: as many as may be are kept.
        """
        kept = self.memories
        if len(kept) >= MOST:
            raise UnmetError(f"{MOST} memories are kept, which is the most; remove one first")
        return str(int(kept[-1]) + 1 if kept else 1)

    def keep(self, number: str) -> None:
        """Give a draft its number, in the place of the memory that it changes."""
        draft, place = (self.path / MEMORIES / name for name in (f".{number}", number))
        put(draft, place, force=True)
        shutil.rmtree(draft, ignore_errors=True)

    def remove(self, number: str) -> None:
        """Remove a memory."""
        shutil.rmtree(self.memory(number))

    def clean(self, part: str = MEMORIES) -> None:
        """Remove what interrupted runs (or uploads) left."""
        for left in (self.path / part).glob(".*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    @contextmanager
    def upload(self, name: str) -> Iterator["Upload"]:
        """Take a table piece by piece, whole or not at all.

        Args:
            name: what the table is called where it comes from; its letters and its suffix are kept.

        Raises:
            InputError: no table by its suffix, an empty one, or one that is too large.
            UnmetError: the directory has no room for it.
        """
        stem, suffix = _plain(name)
        with tempfile.NamedTemporaryFile(dir=self.path / UPLOADS, prefix=".", delete=False) as file:
            upload, temporary = Upload(self, file), Path(file.name)
            try:
                yield upload
                file.close()
                if not upload.bytes:
                    raise InputError(f"{stem}{suffix}: is empty; expected a table")
                if _unpacked(temporary) > LARGEST:
                    raise TooLarge(f"{stem}{suffix}: expected at most {LARGEST >> 20} MB unpacked")
                upload.name = next(free for free in _numbered(stem, suffix) if free not in self.uploads)
                temporary.rename(self.path / UPLOADS / upload.name)
            finally:
                self._arriving -= upload.bytes
                temporary.unlink(missing_ok=True)

    def take(self, size: int) -> None:
        """Count bytes that arrive.

        Raises:
            UnmetError: there is no room for them.
        """
        kept = sum(each.stat().st_size for each in (self.path / UPLOADS).iterdir() if each.name[0] != ".")
        if kept + self._arriving + size > QUOTA:
            raise UnmetError(f"tables of {QUOTA >> 20} MB are kept at most; start the explorer anew")
        self._arriving += size


class Upload:
    """A table that arrives; its name is known when all of it is there."""

    def __init__(self, folder: Folder, file: IO[bytes]) -> None:
        self._folder, self._file = folder, file
        self.bytes, self.name = 0, ""

    def write(self, piece: bytes) -> None:
        """Write the next piece.

        Raises:
            InputError: the table is too large.
        """
        if self.bytes + len(piece) > LARGEST:
            raise TooLarge(f"upload: expected at most {LARGEST >> 20} MB")
        self._folder.take(len(piece))
        self.bytes += len(piece)
        self._file.write(piece)


class TooLarge(InputError):
    """More bytes than are taken."""


def unusable(error: OSError) -> str:
    """Say in one line that the directory is full, gone or not to be written."""
    return f"the explorer's directory: {error.strerror or error}; mend that, or start the explorer on another one"


def _plain(name: str) -> tuple[str, str]:
    """Return the letters of a name, without any path, and its suffix."""
    last = re.split(r"[/\\\0]", name)[-1]
    suffix = next((end for end in SUFFIXES if last.lower().endswith(end)), None)
    if suffix is None:
        known = f"{', '.join(FORMATS)} (also with .gz) or .txt"
        raise InputError("upload", f"a name that ends in {known}", last[:LONGEST])
    stem = re.sub(r"[^\w-]+", "-", last[: -len(suffix)]).strip("-_")[:LONGEST]
    return stem or "table", suffix


def _unpacked(path: Path) -> int:
    """Count the bytes that a file holds, or would if it were unpacked, until they are too many."""
    unpacked = 0
    with gzip.open(path) as file, suppress(OSError, EOFError, zlib.error):
        while unpacked <= LARGEST and (piece := file.read(1 << 20)):
            unpacked += len(piece)
    return max(unpacked, path.stat().st_size)


def _numbered(stem: str, suffix: str) -> Iterator[str]:
    yield stem + suffix
    yield from (f"{stem}-{number}{suffix}" for number in range(2, 1_000_000))


@contextmanager
def opened(path: Path | None) -> Iterator[Folder]:
    """Open the directory that was named, or a temporary one that goes when the block ends.

    Raises:
        InputError: it is no directory of an explorer, or one that another explorer uses.
    """
    if path is None:
        with tempfile.TemporaryDirectory(prefix="attncap-explore-", ignore_cleanup_errors=True) as temporary:
            yield Folder(Path(temporary))
        return
    with _claimed(path):
        yield Folder(path)


def _claimed(path: Path) -> IO[str]:
    """Return the open, locked file that marks a directory as an explorer's."""
    mark = path / MARK
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not mark.exists() and any(path.iterdir()):
            raise InputError(f"{path}: holds files that no explorer wrote; choose an empty directory")
        file = mark.open("a")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(f"{path}: another explorer uses it; choose another directory") from None
    except OSError as error:
        raise InputError(f"{path}: cannot use it ({error.strerror})") from None
    return file
