"""SHA256SUMS: which files attncap wrote in a directory, and whether they still are what was written."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from attncap.errors import InputError

NAME = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64})  ([^\n\\/][^\n\\]*)")


def listing(directory: Path) -> dict[str, str] | None:
    """Read a directory's SHA256SUMS strictly: the hash of each file by name; None if there is none.

    Raises:
        InputError: it is not in the format of ``sha256sum``, with the line.
    """
    path = directory / NAME
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: changed since it was written (not UTF-8)") from None
    hashes: dict[str, str] = {}
    # Not splitlines, which splits at other bytes than a newline.
    for number, line in enumerate(text.split("\n")[:-1], 1):
        found = LINE.fullmatch(line)
        if found is None or found[2] in hashes or ".." in found[2].split("/"):
            raise InputError(
                f"{path}, line {number}: changed since it was written (expected a hash, two spaces and a name)"
            )
        hashes[found[2]] = found[1]
    if not text.endswith("\n"):
        raise InputError(f"{path}: changed since it was written (its last line has no end)")
    return hashes


def check(directory: Path) -> bool:
    """Compare every listed file with its hash.

    Returns:
        Whether there was a SHA256SUMS to check against.

    Raises:
        InputError: names the file that is missing or differs.
    """
    if first := next(differences(directory), None):
        raise InputError(first)
    return listing(directory) is not None


def differences(directory: Path) -> Iterator[str]:
    """Yield a line for every listed file that is missing or differs from its hash.

    Raises:
        InputError: SHA256SUMS itself is damaged.
    """
    for name, expected in (listing(directory) or {}).items():
        try:
            _same(directory, name, expected)
        except InputError as error:
            yield str(error)


def foreign(directory: Path) -> str | None:
    """Name something in a directory that attncap did not write there as it is now; None if it wrote everything.

    A file that was changed since counts: it may be somebody's work.

    Raises:
        InputError: its SHA256SUMS is damaged, or something cannot be read.
    """
    hashes = listing(directory) or {}
    for root, folders, files in os.walk(directory, onerror=_unreadable):
        here = Path(root)
        for name in files + [folder for folder in folders if (here / folder).is_symlink()]:
            relative = (here / name).relative_to(directory).as_posix()
            if relative != NAME and (relative not in hashes or (here / name).is_symlink()):
                return relative
        if here != directory and not folders and not files:
            return f"{here.relative_to(directory).as_posix()}/"
    for name, expected in hashes.items():
        try:
            _same(directory, name, expected)
        except InputError:
            return name
    return None


def write(directory: Path, hashes: Mapping[str, str] | None = None) -> None:
    """Write SHA256SUMS of all files in a directory, or of given ones."""
    if hashes is None:
        files = sorted(path for path in directory.rglob("*") if path.is_file() and path != directory / NAME)
        hashes = {path.relative_to(directory).as_posix(): digest(path) for path in files}
    temporary = directory / f".{NAME}"
    temporary.write_text("".join(f"{value}  {name}\n" for name, value in sorted(hashes.items())), encoding="utf-8")
    temporary.replace(directory / NAME)


def digest(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _same(directory: Path, name: str, expected: str) -> None:
    try:
        found = digest(directory / name)
    except OSError as error:
        raise InputError(f"{directory / name}: listed in {NAME}, but cannot be read ({error.strerror})") from None
    if found != expected:
        raise InputError(f"{directory / name}: is not what attncap wrote (its SHA-256 differs from {NAME})")


def _unreadable(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot read ({error.strerror})")
