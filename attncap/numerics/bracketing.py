"""Bracketing search for the boundary of a property of whole numbers."""

from collections.abc import Callable
from typing import Any

STEP = 1 / 8
# About so many numbers are tried for a boundary near the start, to within a few hundredths.
TRIED = 8


def boundary(
    holds: Callable[[int], bool], start: int, limit: int | None = None, resolution: float = 0.0
) -> tuple[int, int | None]:
    """Find up to where a property holds, trying few numbers.

    Steps from the start that double bracket the boundary; bisection narrows the bracket. Where the property is not
    quite monotone (random draws), the answer is one place where it changes.

    Args:
        holds: the property; at 0 it is taken to hold.
        start: where the boundary is expected.
        limit: the largest number that makes sense.
        resolution: stop when the bracket is no wider than this fraction of its lower end (or than one).

    Returns:
        A number where it holds and a larger one where it does not (None if it holds at the limit).

    Example:
        >>> boundary(lambda number: number < 1000, start=100)
        (999, 1000)
        >>> boundary(lambda number: number < 1000, start=100, limit=500)
        (500, None)
    """
    low, high = 0, None
    number = max(1, start if limit is None else min(start, limit))
    step = max(1, int(STEP * number))
    while high is None or high - low > max(1.0, resolution * low):
        if holds(number):
            low = number
        else:
            high = number
        if low == limit:
            break
        if high is None:
            number = low + step if limit is None else min(low + step, limit)
        else:
            number = (low + high) // 2 if low else max(1, high - step)
        step *= 2
    return low, high


# The largest size that an inverse tries: no weight file is larger.
LARGEST = 10**18


def smallest(reached: Callable[[int], Any], start: int = 1) -> int | None:
    """Find the smallest integer from ``start`` that a monotone condition holds for (None if none up to 10^18 does).

    Example:
        >>> smallest(lambda n: n * n >= 50)
        8
    """
    low, high = start - 1, start
    while not reached(high):
        if high > LARGEST:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
