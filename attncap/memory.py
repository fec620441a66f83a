"""State the memory that a computation takes before it takes it."""

import psutil

from attncap.errors import UnmetError


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
    free = psutil.virtual_memory().available
    if needed > free:
        raise UnmetError(f"{what} needs about {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free")
