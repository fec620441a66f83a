"""Descend the squared error of examples over a layer's scores and readout together."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jax.flatten_util import ravel_pytree

from attncap.construct.labelled.features import with_readout
from attncap.models import AttentionLayer
from attncap.numerics.memory import require
from attncap.tasks import Examples

EVALUATIONS = 100
Tensors = dict[str, Any]


def fit_everything(
    layer: AttentionLayer, task: Examples, free: tuple[str, ...], evaluations: int = EVALUATIONS
) -> AttentionLayer:
    """Minimize the squared error from a start by a trust-region Gauss-Newton method, in float64.

    Args:
        layer: where to start; its outputs are the identity, so that its values are the readout.
        task: the examples.
        free: the tensors that may change.
        evaluations: at most so many of the error.

    Returns:
        The layer reached, values and outputs split anew.
    """
    tensors = layer.tensors()
    count = sum(tensors[name].size for name in free)
    # The Jacobian, its singular value decomposition and their copies.
    require(8.0 * 6 * task.labels.size * count, f"least squares of {task.labels.size:,} x {count:,}")
    errors, slopes = _compiled(task.shared)
    with jax.enable_x64(True):
        start, unravel = ravel_pytree({name: jnp.asarray(tensors[name]) for name in free})
        fixed = {name: jnp.asarray(tensor) for name, tensor in tensors.items() if name not in free}
        contexts = jnp.asarray(task.contexts[0] if task.shared else task.contexts)
        data = (contexts, jnp.asarray(task.queries), jnp.asarray(task.labels))

    def error(point: np.ndarray) -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(errors(unravel(jnp.asarray(point)), fixed, *data)).ravel()

    def jacobian(point: np.ndarray) -> np.ndarray:
        with jax.enable_x64(True):
            parts = slopes(unravel(jnp.asarray(point)), fixed, *data)
        # Side by side in the order of the keys, as in the vector.
        return np.hstack([np.asarray(parts[name]).reshape(task.labels.size, -1) for name in sorted(parts)])

    exact: Any = dict.fromkeys(("xtol", "ftol", "gtol"), 1e-15)
    found = scipy.optimize.least_squares(error, np.asarray(start), jac=jacobian, max_nfev=evaluations, **exact)
    with jax.enable_x64(True):
        reached = {name: np.asarray(tensor) for name, tensor in unravel(jnp.asarray(found.x)).items()}
    layer = replace(layer, **reached)
    return with_readout(layer, layer.value.transpose(0, 2, 1))


@lru_cache
def _compiled(shared: bool) -> tuple[Any, Any]:
    """Return the errors of all examples and their derivatives by the free tensors, compiled once a shape."""
    axes = (None, None, None if shared else 0, 0, 0)
    return jax.jit(jax.vmap(_error, axes)), jax.jit(jax.vmap(jax.jacrev(_error), axes))


def _error(free: Tensors, fixed: Tensors, context: jax.Array, query: jax.Array, label: jax.Array) -> jax.Array:
    return AttentionLayer(**free, **fixed).forward(context[None], query[None])[0] - label
