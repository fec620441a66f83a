"""The forward pass laid out for gradient steps on processors: features first, sequences last; perceptrons in pieces."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from attncap.models import TokenModel, Transformer

# Activations of a perceptron that are held at a time, so that they stay in a core's cache.
HELD = 1 << 16

Layer = tuple[Float[jax.Array, "H _ _"], ...]


def layers(model: TokenModel) -> list[Layer]:
    """Return query, key, value and output of each layer, whether the model has an axis of layers or not."""
    tensors = (model.query, model.key, model.value, model.output)
    return list(zip(*(tensor.reshape(-1, *tensor.shape[-3:]) for tensor in tensors), strict=True))


def perceptron(model: TokenModel, layer: int, x: Float[jax.Array, "T d"]) -> Float[jax.Array, "T d"]:
    """Return what `Transformer.perceptron` does where there is one, a piece at a time and again on the way back.

    All activations at once take longer: they come and go from memory.
    """
    if not isinstance(model, Transformer) or not model.width:
        return x
    rows = max(1, HELD // model.width)
    return jax.lax.map(jax.checkpoint(partial(model.perceptron, layer)), x, batch_size=rows)


def encode_short(model: TokenModel, sequences: Int[jax.Array, "T S"]) -> Float[jax.Array, "T d"]:
    """Return what the model's `encode` does, at a fifth of the time of a step or less for few positions.

    Args:
        model: JAX's tensors, with any number of layers.
        sequences: token numbers.

    Source: the forward passes of `AttentionOnlyTransformer` and `Transformer`, which the tests hold it to.
    """

    def placed(stream: list[jax.Array]) -> list[jax.Array]:
        return [x + place[:, None] for x, place in zip(stream, model.position, strict=True)]

    stream = [model.embedding[column].T for column in sequences.T]
    stream = placed(stream) if model.residual_position else stream
    stack = layers(model)
    for number, tensors in enumerate(stack):
        read = stream if model.residual_position else placed(stream)
        # Later layers read every position; the unembedding reads the last.
        reading = range(len(stream) - 1 if number == len(stack) - 1 else 0, len(stream))
        stream = [stream[s] + attend_last(tensors, model.score_scale, read[: s + 1]) for s in reading]
        stream = [perceptron(model, number, x.T).T for x in stream]
    return stream[-1].T


def attend_last(layer: Layer, score_scale: float, read: list[Float[jax.Array, "d T"]]) -> Float[jax.Array, "d T"]:
    r"""Return the heads' sum at the last of some positions.

    All heads are projected in one product, and the attention weights multiply element by element instead of head by
    head. Positions count by their difference to the last, $\bar x = x_S + \sum_{s<S} a_s (x_s - x_S)$, which for two
    leaves one key, one value and a sigmoid.
    """
    w_query, w_key, w_value, w_output = layer
    heads, head_dim, dim = w_query.shape
    *before, last = read
    gaps = [x - last for x in before]

    def project(weights: jax.Array, vectors: jax.Array) -> jax.Array:
        return (weights.reshape(heads * head_dim, dim) @ vectors).reshape(heads, head_dim, -1)

    query, value = score_scale * project(w_query, last), project(w_value, last)
    # Position by position: sums over arrays of one more axis are far slower.
    scores = [(query * project(w_key, gap)).sum(axis=1) for gap in gaps]
    weights = jax.nn.softmax(jnp.stack([*scores, jnp.zeros((heads, last.shape[1]))]), axis=0)
    for weight, gap in zip(weights, gaps, strict=False):
        value += weight[:, None] * project(w_value, gap)
    output = jnp.transpose(w_output, (1, 0, 2)).reshape(dim, heads * head_dim)
    return output @ value.reshape(heads * head_dim, -1)
