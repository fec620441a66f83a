"""Train every parameter of a model that memorizes most of a task: attention and embeddings too."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Int

from attncap.construct.associations.readout import Problem, spread
from attncap.models import AttentionOnlyTransformer
from attncap.numerics.memory import require
from attncap.tasks import Associations


def joint(
    model: AttentionOnlyTransformer, task: Associations, used: Int[np.ndarray, " n"], answers: Int[np.ndarray, " T"]
) -> Problem:
    """Pose the logistic loss of a whole model, all sequences at once, as a problem in all its parameters.

    Each tensor is measured in its own root mean square, so that one step suits all of them. It computes in float64:
    near the limit of what a readout holds, its terms cancel.

    Args:
        model: where to start.
        task: what to memorize.
        used: the tokens that are answers; the unembedding of the others stays zero.
        answers: each association's answer, as a place in ``used``.

    Returns:
        The problem.
    """
    # Forward and backward pass keep every piece of every sequence.
    require(3.0 * task.associations * model.row_bytes(), f"training all of {task.name}")
    tensors = model.tensors() | {"unembedding": model.unembedding[used]}
    scales = {name: max(float(np.sqrt(np.mean(tensor**2))), 1e-6) for name, tensor in tensors.items()}
    with jax.enable_x64(True):
        flat, unravel = ravel_pytree({name: jnp.asarray(tensor / scales[name]) for name, tensor in tensors.items()})
        sequences, rows = jnp.asarray(task.sequences), jnp.arange(task.associations)

    def scaled(point: jax.Array) -> dict[str, Any]:
        return {name: scales[name] * tensor for name, tensor in unravel(point).items()}

    def loss(point: jax.Array) -> tuple[jax.Array, jax.Array]:
        weights = scaled(point)
        unembedding = weights.pop("unembedding")
        logits = replace(model, **weights).encode(sequences) @ unembedding.T
        own = logits[rows, answers]
        rival = logits.at[rows, answers].set(-jnp.inf).max(axis=1)
        return jnp.mean(jax.nn.logsumexp(logits, axis=1) - own), jnp.min(own - rival)

    compiled = jax.jit(jax.value_and_grad(loss, has_aux=True))

    def objective(point: np.ndarray) -> tuple[float, np.ndarray, float]:
        with jax.enable_x64(True):
            (value, margin), gradient = compiled(point)
        return float(value), np.asarray(gradient), float(margin)

    def finish(point: np.ndarray) -> AttentionOnlyTransformer:
        with jax.enable_x64(True):
            weights: dict[str, Any] = {n: np.asarray(tensor) for n, tensor in scaled(jnp.asarray(point)).items()}
        unembedding = spread(weights.pop("unembedding"), used, task.vocabulary_size)
        return replace(model, **weights, unembedding=unembedding)

    return Problem(objective, np.asarray(flat), finish)
