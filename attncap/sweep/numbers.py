"""What of a process decides last bits: threads of the numerical libraries, and the precision of JAX."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

# Loading SciPy's BLAS now lets the limit reach it.
import scipy.linalg  # noqa: F401
from threadpoolctl import threadpool_limits

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS",
    # JAX's own threads on a CPU, under its names of several years. It reads them once, before it first computes.
    "NPROC",
    "PJRT_NPROC",
)


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Limit the numerical libraries to a number of threads: those that are loaded, and those that the block loads.

    A library that the block loads keeps the limit, and JAX the threads that it first computed with in this process.

    Example:
        >>> with threads(1):
        ...     os.environ["OMP_NUM_THREADS"]
        '1'
    """
    with environment(dict.fromkeys(VARIABLES, str(number))), threadpool_limits(number):
        yield


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for what starts inside the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def precision() -> str:
    """Name what JAX computes in: the width of its numbers, and of its matrix products if that was changed.

    Example:
        >>> precision()
        'float32'
    """
    if jax := sys.modules.get("jax"):
        wide, products = jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision
    else:
        wide = os.environ.get("JAX_ENABLE_X64", "").lower() in ("1", "t", "true", "y", "yes", "on")
        products = os.environ.get("JAX_DEFAULT_MATMUL_PRECISION")
    return " ".join(["float64" if wide else "float32", *([f"products {products}"] if products else [])])
