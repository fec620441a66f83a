"""Refuse, before it is imported, a library that would abort the process where its address space is limited."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attncap.errors import UnmetError

# Bytes of address space that each reserves as it is imported or first used, whether it fills them or not (measured; a
# limit below it ends in a signal, not in an error): the arenas of BLAS and Rust, XLA's threads, the cage of V8.
RESERVED = {
    "numpy": 120_000_000,
    "scipy": 150_000_000,
    "polars": 1_100_000_000,
    "jax": 1_600_000_000,
    "vl_convert": 68_000_000_000,
}


class Reserves:
    """A finder of modules that finds none: it only refuses those for which there is no room."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Refuse a library whose reserve exceeds what the limit leaves.

        Raises:
            UnmetError: with both numbers.
        """
        if name not in RESERVED:
            return
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return
        import psutil

        left = limit - psutil.Process().memory_info().vms
        if left < RESERVED[name]:
            raise UnmetError(
                f"{name} reserves {RESERVED[name] / 1e9:.2g} GB of address space, the limit (ulimit -v) leaves "
                f"{max(0, left) / 1e9:.2g} GB; raise it, or limit the memory in use instead"
            )


@contextmanager
def reserved() -> Iterator[None]:
    """Watch what is imported in this block."""
    finder: Any = Reserves()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
