"""Split the work so that memory stays bounded whatever the task's size."""

from collections.abc import Iterator

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
