"""Compiled programs kept between runs."""

import os

import jax

from attncap.files import cache


def persist() -> None:
    """Keep compiled programs in the user's cache directory, unless JAX was told where to keep them."""
    if jax.config.values["jax_compilation_cache_dir"] is None and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache("jax")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
