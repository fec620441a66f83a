"""Attention scores for examples: drawn at random, or built group by group as Theorem 1 does."""

import numpy as np
from jaxtyping import Float

from attncap.models import AttentionLayer, attend, chunks
from attncap.models.attention_layer import row_bytes
from attncap.progress import bar
from attncap.tasks import Examples

PROBE = 512


def generic_heads(task: Examples, heads: int, head_dim: int, beta: float, rng: np.random.Generator) -> AttentionLayer:
    r"""Draw Gaussian $W_Q^h, W_K^h$, scaled so that each head's scores have standard deviation $\beta$ on the task."""
    dim = task.embedding_dim
    query, key = rng.standard_normal((2, heads, head_dim, dim))
    asked = np.einsum("td,hkd->htk", task.queries[:PROBE], query, optimize=True) @ key
    scores = np.einsum("htd,tnd->htn", asked, task.contexts[:PROBE], optimize=True)
    # A softmax does not see what all tokens share.
    spread = (scores - scores.mean(axis=2, keepdims=True)).std(axis=(1, 2))
    query *= (beta / np.maximum(spread, np.finfo(float).tiny))[:, None, None]
    return without_values(query, key)


def features(layer: AttentionLayer, task: Examples) -> Float[np.ndarray, "T Hd"]:
    r"""Return $E_t^\top a_t^h$ of all heads side by side: what the readout combines linearly."""
    heads, _, dim = layer.query.shape
    matrix = np.empty((task.count, heads * dim))
    with bar("attention features", task.count) as advance:
        for rows in chunks(task.count, row_bytes(layer.query, task.context)):
            averaged = attend(task.contexts[rows], layer.query, layer.key, asking=task.queries[rows])
            matrix[rows] = averaged.reshape(len(averaged), -1)
            advance(rows.stop - rows.start)
    return matrix


def without_values(query: np.ndarray, key: np.ndarray) -> AttentionLayer:
    """Return the layer of these scores, its values and outputs zero."""
    heads, _, dim = query.shape
    return AttentionLayer(query, key, np.zeros((heads, 1, dim)), np.zeros((heads, 1, 1)))


def unit_vectors(rng: np.random.Generator, count: int, dim: int) -> Float[np.ndarray, "count d"]:
    """Draw directions uniformly."""
    drawn = rng.standard_normal((count, dim))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
