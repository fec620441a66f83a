"""One layer laid out for gradient steps on processors: features first, sequences last; perceptrons in pieces."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from attncap.models import AttentionOnlyTransformer, Transformer

# Activations of a perceptron that are held at a time, so that they stay in a core's cache.
HELD = 1 << 16


def only_layer(model: AttentionOnlyTransformer) -> tuple[Float[jax.Array, "H _ _"], ...]:
    """Return query, key, value and output of the one layer, whether the model has an axis of layers or not."""
    tensors = (model.query, model.key, model.value, model.output)
    return tuple(tensor.reshape(-1, *tensor.shape[-2:]) for tensor in tensors)


def perceptron(model: Transformer, x: Float[jax.Array, "T d"]) -> Float[jax.Array, "T d"]:
    """Return what `Transformer.perceptron` does in the only layer, a piece at a time and again on the way back.

    All activations at once take two to three times as long: they come and go from memory.
    """
    rows = max(1, HELD // model.width)
    return jax.lax.map(jax.checkpoint(partial(model.perceptron, 0)), x, batch_size=rows)


def attend_short(model: AttentionOnlyTransformer, sequences: Int[jax.Array, "T S"]) -> Float[jax.Array, "T d"]:
    r"""Return what `AttentionOnlyTransformer.encode` does, at a fifth of the time of a step for few positions.

    All heads are projected in one product, and the attention weights multiply element by element instead of head by
    head. Positions count by their difference to the last, $\bar x = x_S + \sum_{s<S} a_s (x_s - x_S)$, which for two
    leaves one key, one value and a sigmoid.

    Args:
        model: JAX's tensors.
        sequences: token numbers.

    Source: the forward pass of `AttentionOnlyTransformer`, which the tests hold it to.
    """
    w_query, w_key, w_value, w_output = only_layer(model)
    heads, head_dim, dim = w_query.shape
    tokens = [model.embedding[column].T for column in sequences.T]
    *before, last = [token + place[:, None] for token, place in zip(tokens, model.position, strict=True)]
    gaps = [x - last for x in before]

    def project(weights: jax.Array, vectors: jax.Array) -> jax.Array:
        return (weights.reshape(heads * head_dim, dim) @ vectors).reshape(heads, head_dim, -1)

    query, value = model.score_scale * project(w_query, last), project(w_value, last)
    # Position by position: sums over arrays of one more axis take a hundred times as long.
    scores = [(query * project(w_key, gap)).sum(axis=1) for gap in gaps]
    weights = jax.nn.softmax(jnp.stack([*scores, jnp.zeros((heads, len(sequences)))]), axis=0)
    for weight, gap in zip(weights, gaps, strict=False):
        value += weight[:, None] * project(w_value, gap)
    output = jnp.transpose(w_output, (1, 0, 2)).reshape(dim, heads * head_dim)
    return ((last if model.residual_position else tokens[-1]) + output @ value.reshape(heads * head_dim, -1)).T
