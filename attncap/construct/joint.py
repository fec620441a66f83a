"""Train every parameter of a model that memorizes most of a task: attention and embeddings too."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Int

from attncap.construct.descent import Problem
from attncap.memory import require
from attncap.models import AttentionOnlyTransformer
from attncap.tasks import Associations


def joint(
    model: AttentionOnlyTransformer, task: Associations, used: Int[np.ndarray, " n"], answers: Int[np.ndarray, " T"]
) -> Problem:
    """Pose the logistic loss of a whole model, all sequences at once, as a problem in all its parameters.

    Each tensor is measured in its own root mean square, so that one step suits all of them. It computes in float32.

    Args:
        model: where to start.
        task: what to memorize.
        used: the tokens that are answers; the unembedding of the others stays zero.
        answers: each association's answer, as a place in ``used``.

    Returns:
        The problem.
    """
    # Forward and backward pass keep every piece of every sequence.
    require(3.0 * task.associations * model.astype("float32").row_bytes(), f"training all of {task.name}")
    tensors = model.tensors() | {"unembedding": model.unembedding[used]}
    scales = {name: max(float(np.sqrt(np.mean(tensor**2))), 1e-6) for name, tensor in tensors.items()}
    start = {name: jnp.asarray(tensor / scales[name], jnp.float32) for name, tensor in tensors.items()}
    flat, unravel = ravel_pytree(start)
    sequences, rows = jnp.asarray(task.sequences), jnp.arange(task.associations)

    def loss(point: jax.Array) -> tuple[jax.Array, jax.Array]:
        scaled = {name: scales[name] * tensor for name, tensor in unravel(point).items()}
        logits = replace(model, **scaled).forward(sequences)
        own = logits[rows, answers]
        rival = logits.at[rows, answers].set(-jnp.inf).max(axis=1)
        return jnp.mean(jax.nn.logsumexp(logits, axis=1) - own), jnp.min(own - rival)

    compiled = jax.jit(jax.value_and_grad(loss, has_aux=True))

    def objective(point: np.ndarray) -> tuple[float, np.ndarray, float]:
        (value, margin), gradient = compiled(jnp.asarray(point, jnp.float32))
        return float(value), np.asarray(gradient, np.float64), float(margin)

    def finish(point: np.ndarray) -> AttentionOnlyTransformer:
        found = {
            name: scales[name] * np.asarray(tensor, np.float64)
            for name, tensor in unravel(jnp.asarray(point, jnp.float32)).items()
        }
        rows = found["unembedding"] - found["unembedding"].mean(axis=0)
        unembedding = np.zeros((task.vocabulary_size, model.embedding_dim))
        unembedding[used] = rows
        return replace(model, **found | {"unembedding": unembedding})

    return Problem(objective, np.asarray(flat, np.float64), finish)
