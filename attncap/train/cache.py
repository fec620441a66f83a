"""Compiled programs kept between runs."""

import os
from pathlib import Path

import jax
import platformdirs


def persist() -> None:
    """Keep compiled programs in the user's cache directory, unless JAX was told where to keep them."""
    if jax.config.values["jax_compilation_cache_dir"] is None and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        path = Path(platformdirs.user_cache_dir("attncap")) / "jax"
        jax.config.update("jax_compilation_cache_dir", str(path))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
