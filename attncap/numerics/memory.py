"""State the memory that a computation takes before it takes it."""

from collections.abc import Iterator

import psutil

from attncap.errors import UnmetError


def available() -> int:
    """Return the memory in bytes that this job may still take."""
    return int(psutil.virtual_memory().available)


def require(needed: float, what: str) -> None:
    """Refuse a computation that the free memory cannot hold.

    Args:
        needed: its peak, in bytes.
        what: names it in the message.

    Raises:
        UnmetError: with both numbers.

    Example:
        >>> require(1e18, "a matrix of 10^9 rows")
        Traceback (most recent call last):
        attncap.errors.UnmetError: a matrix of 10^9 rows needs about 1000000000.0 GB of memory, ... GB are free
    """
    free = available()
    if needed > free:
        raise UnmetError(f"{what} needs about {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free")


BUDGET = 64 << 20


def chunks(count: int, bytes_each: int, budget: int = BUDGET) -> Iterator[slice]:
    """Yield slices of ``range(count)`` whose items take at most ``budget`` bytes together (one at least).

    Example:
        >>> list(chunks(5, bytes_each=10, budget=25))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, budget // max(1, bytes_each))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
