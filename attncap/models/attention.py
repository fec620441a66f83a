"""The one attention: averages of the inputs, the values of the heads, and their sum."""

from typing import Any

from jaxtyping import Float

Array = Any  # NumPy's or JAX's: the forward pass takes its functions from the array's own namespace


def attend(
    x: Float[Array, "T S d"],
    query: Float[Array, "H dh d"],
    key: Float[Array, "H dh d"],
    score_scale: float = 1.0,
    asking: Float[Array, "T d"] | None = None,
) -> Float[Array, "T H d"]:
    r"""Average the inputs with the attention weights of one query a sequence, by default the last position.

    $$\bar x^h = \sum_s a^h_s x_s, \qquad a^h = \operatorname{softmax}_s \beta (W_Q^h x_S) \cdot (W_K^h x_s)$$

    Args:
        x: token-position vectors.
        query: $W_Q^h$.
        key: $W_K^h$.
        score_scale: $\beta$.
        asking: the vectors in the place of $x_S$.

    Returns:
        $\bar x^h$ for each sequence and head.
    """
    xp = x.__array_namespace__()
    heads, head_dim, dim = query.shape
    asking = x[:, -1] if asking is None else asking
    q = (asking @ query.reshape(heads * head_dim, dim).T).reshape(-1, heads, head_dim)
    # Folding the key into the query costs d a head and sequence; projecting every input would cost S d.
    folded = xp.matmul(xp.permute_dims(q, (1, 0, 2)), key)
    scores = score_scale * xp.matmul(xp.permute_dims(folded, (1, 0, 2)), xp.permute_dims(x, (0, 2, 1)))
    weights = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    return xp.matmul(weights / xp.sum(weights, axis=-1, keepdims=True), x)


def project(averaged: Float[Array, "T H d"], value: Float[Array, "H dh d"]) -> Float[Array, "T Hdh"]:
    r"""Return $W_V^h \bar x^h$ of all heads side by side."""
    xp = averaged.__array_namespace__()
    heads = xp.matmul(xp.permute_dims(averaged, (1, 0, 2)), xp.permute_dims(value, (0, 2, 1)))
    return xp.permute_dims(heads, (1, 0, 2)).reshape(len(averaged), value.shape[0] * value.shape[1])


def stacked(output: Float[Array, "H d dh"]) -> Float[Array, "Hdh d"]:
    r"""Return the matrices $W_O^h$ as one map of the heads' values side by side."""
    return output.__array_namespace__().permute_dims(output, (0, 2, 1)).reshape(-1, output.shape[1])


def unstacked(readout: Float[Array, "Hdh d"], like: Float[Array, "H d dh"]) -> Float[Array, "H d dh"]:
    """Undo `stacked`."""
    xp = readout.__array_namespace__()
    heads, dim, head_dim = like.shape
    return xp.asarray(xp.permute_dims(readout.reshape(heads, head_dim, dim), (0, 2, 1)), copy=True)


def head_parts(values: Float[Array, "T Hdh"], output: Float[Array, "H d dh"]) -> dict[str, Float[Array, "T d"]]:
    r"""Return $W_O^h v^h$ of each head, by name."""
    head_dim = output.shape[2]
    pieces = (values[:, at * head_dim : (at + 1) * head_dim] for at in range(len(output)))
    return {f"head {at}": piece @ output[at - 1].T for at, piece in enumerate(pieces, 1)}


def combine(values: Float[Array, "T Hdh"], output: Float[Array, "H d dh"]) -> Float[Array, "T d"]:
    r"""Return $\sum_h W_O^h v^h$, the heads' sum."""
    return values @ stacked(output)
