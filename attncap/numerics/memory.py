"""State the memory that a computation takes before it takes it."""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from attncap.errors import UnmetError

# What a container or a queue grants: of both versions of control groups the limit, the use, and the cache in it.
CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
V2 = ("memory.max", "memory.current", "inactive_file")


def available() -> int:
    """Return the memory in bytes that this job may still take: of the machine's, its container's and its own limit.

    Example:
        >>> available() > 0
        True
    """
    free = [psutil.virtual_memory().available, *_granted()]
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        free.append(limit - psutil.Process().memory_info().vms)
    return int(max(0, min(free)))


def _granted() -> Iterator[int]:
    """Yield what is left in each control group around this process."""
    with suppress(OSError):
        for line in MEMBERSHIP.read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if number != "0" and "memory" not in controllers.split(","):
                continue
            root, names = (CGROUPS, V2) if number == "0" else (CGROUPS / "memory", V1)
            # Inside a container the path may be that outside, which is not there.
            group = root / path.lstrip("/")
            for folder in (group, *group.parents):
                yield from _left(folder, *names)
                if folder == root:
                    break


def _left(folder: Path, limit: str, use: str, cache: str) -> Iterator[int]:
    with suppress(OSError, ValueError):
        most = int((folder / limit).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        yield most - int((folder / use).read_text()) + int(stat.get(cache, 0))


def cores() -> int:
    """Count the cores that this process may use, which a queue may have made fewer than the machine's.

    Example:
        >>> cores() >= 1
        True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def require(needed: float, what: str, instead: str = "choose a smaller task or shape") -> None:
    """Refuse a computation that the free memory cannot hold.

    Args:
        needed: its peak, in bytes.
        what: names it in the message.
        instead: what to do, the end of the message.

    Raises:
        UnmetError: with both numbers.

    Example:
        >>> require(1e18, "a matrix of 10^9 rows")
        Traceback (most recent call last):
        attncap.errors.UnmetError: a matrix of 10^9 rows needs about 1000000000.0 GB of memory, ... GB are free; ...
    """
    free = available()
    if needed > free:
        raise UnmetError(f"{what} needs about {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free; {instead}")


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
