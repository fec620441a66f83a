"""Arrays in .npz files, which anyone may have written."""

import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from attncap.errors import InputError
from attncap.numerics.memory import require

SMALLEST, LARGEST = 1e-15, 1e15


def read_arrays(path: str | Path, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of an .npz file; what would be unpickled, which can run code, is refused.

    Args:
        path: the file.
        names: those that are wanted, where they are there; all by default.

    Returns:
        The arrays by name.

    Raises:
        InputError: no such file, or not one of plain arrays.
        UnmetError: they are larger than the free memory.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/both.npz"
        >>> np.savez(path, a=np.ones(2), b=np.zeros(3))
        >>> read_arrays(path, ["a", "c"])
        {'a': array([1., 1.])}
    """
    with _plain(path), zipfile.ZipFile(path) as archive:
        sizes = {member.filename.removesuffix(".npy"): member.file_size for member in archive.infolist()}
    wanted = [name for name in sizes if names is None or name in names]
    require(float(sum(sizes[name] for name in wanted)), f"{path}: reading it", "keep the arrays that are needed")
    with _plain(path), open(path, "rb") as file, NpzFile(file) as opened:
        arrays = {name: opened[name] for name in wanted}
    if others := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise InputError(f"{path}: not an .npz file of plain arrays ({others[0]} is none)")
    return arrays


def check_size(name: str, array: np.ndarray) -> None:
    """Refuse an array of zeros, or one whose squares leave float32, which weights may be rounded to.

    Raises:
        InputError: its largest number is too large or too small.

    Example:
        >>> check_size("queries", np.full(2, 1e-20))
        Traceback (most recent call last):
        attncap.errors.InputError: queries: expected a largest number between 1e-15 and 1e+15, got 1e-20
    """
    if not SMALLEST <= (size := float(np.abs(array).max(initial=0.0))) <= LARGEST:
        raise InputError(name, f"a largest number between {SMALLEST:g} and {LARGEST:g}", size)


@contextmanager
def _plain(path: str | Path) -> Iterator[None]:
    """Say in one line what keeps a file from being read."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror or error})") from None
    except Exception as error:
        # zipfile, zlib and NumPy's reader of headers each have errors of their own for what they do not expect.
        raise InputError(f"{path}: not an .npz file of plain arrays ({' '.join(str(error).split())})") from None
