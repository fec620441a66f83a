"""One layer over every pair of tokens, from tables over tokens instead of sequences."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from attncap.models import TokenModel
from attncap.train.associations.short_contexts import layers, perceptron


def encode_pairs(model: TokenModel) -> Float[jax.Array, "NN d"]:
    r"""Return what `encode` of a model of one layer does for every pair $(a, b)$ of tokens, in the order $a N + b$.

    Attention over two positions is a sigmoid of two score tables, $\sigma(q_b \cdot k_a - q_b \cdot k'_b)$ with the
    keys $k$ of the first and $k'$ of the last position, and a token's value does not depend on the other token: what
    `AttentionOnlyTransformer.forward` computes for $N^2$ sequences is computed here for $2 N$ vectors, and joined by
    two products.

    Args:
        model: JAX's tensors, with two positions.

    Source: the forward pass of `AttentionOnlyTransformer`, which the tests hold it to.
    """
    w_query, w_key, w_value, w_output = layers(model)[0]
    first, last = model.embedding + model.position[0], model.embedding + model.position[1]
    query = jnp.einsum("bd,hkd->hbk", last, w_query) * model.score_scale
    keys = [jnp.einsum("ad,hkd->hak", x, w_key) for x in (first, last)]
    values = [jnp.einsum("ad,hkd,hek->hae", x, w_value, w_output) for x in (first, last)]
    own = jnp.einsum("hbk,hbk->hb", query, keys[1])
    weight = jax.nn.sigmoid(jnp.einsum("hbk,hak->hba", query, keys[0]) - own[:, :, None])
    mixed = jnp.einsum("hba,hae->abe", weight, values[0]) - jnp.einsum("hba,hbe->abe", weight, values[1])
    skip = last if model.residual_position else model.embedding
    return perceptron(model, 0, (mixed + (skip + values[1].sum(axis=0))).reshape(-1, model.embedding_dim))
