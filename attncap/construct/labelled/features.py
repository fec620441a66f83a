"""What a layer's scores make of examples: the features that its readout combines linearly, and that readout."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from attncap.models import AttentionLayer, attend
from attncap.models.attention_layer import row_bytes
from attncap.numerics.linear import minimum_norm
from attncap.numerics.memory import chunks
from attncap.progress import bar
from attncap.tasks import Examples


def scores_only(query: np.ndarray, key: np.ndarray) -> AttentionLayer:
    """Return the layer of these scores, its values and outputs zero."""
    heads, _, dim = query.shape
    return AttentionLayer(query, key, np.zeros((heads, 1, dim)), np.zeros((heads, 1, 1)))


def features(layer: AttentionLayer, task: Examples) -> Float[np.ndarray, "T Hd"]:
    r"""Return $E_t^\top a_t^h$ of all heads side by side."""
    heads, _, dim = layer.query.shape
    matrix = np.empty((task.count, heads * dim))
    with bar("attention features", task.count) as advance:
        for rows in chunks(task.count, row_bytes(layer.query, task.context)):
            averaged = attend(task.contexts[rows], layer.query, layer.key, asking=task.queries[rows])
            matrix[rows] = averaged.reshape(len(averaged), -1)
            advance(rows.stop - rows.start)
    return matrix


def read_out(
    layer: AttentionLayer, matrix: Float[np.ndarray, "T Hd"], labels: Float[np.ndarray, "T out"]
) -> AttentionLayer:
    """Solve for the readout of least norm."""
    heads, _, dim = layer.query.shape
    scale = 1 / np.maximum(np.linalg.norm(matrix, axis=0), np.finfo(float).tiny)
    solution = scale[:, None] * minimum_norm(matrix * scale, labels)
    return with_readout(layer, solution.reshape(heads, dim, -1))


def with_readout(layer: AttentionLayer, readout: Float[np.ndarray, "H d out"]) -> AttentionLayer:
    r"""Split each head's readout $C_h = Q R$ into values $W_V = Q^\top$ and outputs $W_O = R^\top$."""
    orthonormal, upper = np.linalg.qr(readout)
    return replace(layer, value=orthonormal.transpose(0, 2, 1), output=upper.transpose(0, 2, 1))
