r"""Finite-rank structure on top of a pencil: a mean in the data and low-rank parts of the features' couplings.

With X = mu y^T + Z the pencil of Z gains a finite-rank part. In the basis (y/sqrt n) x (basis of the signals) the
inverse of the whole is the inverse of a small matrix, exactly: the noise-only G^-1 lifted to it, plus the signal.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from attncap.interpolation.pencil import Block, Gaussian, Pencil


def respond(
    pencil: Pencil,
    data: Gaussian,
    inverse: Float[np.ndarray, "points N N"],
    slope: Float[np.ndarray, "points N N"],
    mean: Float[np.ndarray, "points signals"],
    spikes: Mapping[Block, Float[np.ndarray, "points signals signals"]],
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    r"""Return $y^T Q y/n$ and its derivative, Q the first diagonal block of the whole inverse.

    Args:
        pencil: the pencil of the noise.
        data: which of its Gaussian matrices carries the mean.
        inverse: $G^{-1}$ of the noise.
        slope: its derivative.
        mean: $\mu/\sqrt c$ in an orthonormal basis of the signals' span.
        spikes: finite-rank parts of blocks (feature, feature) in that basis.
    """
    signals, tokens = mean.shape[-1], len(pencil.tokens)
    whole, change = lift(inverse, tokens, signals), lift(slope, tokens, signals)
    index = {name: position for position, name in enumerate(pencil.blocks)}

    def span(block: str) -> slice:
        first = tokens + (index[block] - tokens) * signals
        return slice(first, first + signals) if block in pencil.features else slice(index[block], index[block] + 1)

    for coefficients in (data.left, data.right):
        for (row, column), value in coefficients.items():
            part = mean[:, :, None] if row in pencil.features else mean[:, None, :]
            whole[:, span(row), span(column)] += value * part
    for (row, column), matrix in spikes.items():
        whole[:, span(row), span(column)] += matrix
    first = np.zeros(whole.shape[-1])
    first[0] = 1
    right = np.linalg.solve(whole, np.broadcast_to(first[:, None], (*whole.shape[:-1], 1)))[..., 0]
    left = np.linalg.solve(np.swapaxes(whole, -1, -2), np.broadcast_to(first[:, None], (*whole.shape[:-1], 1)))[..., 0]
    return right[:, 0], -np.einsum("...i,...ij,...j->...", left, change, right)


def lift(matrix: Float[np.ndarray, "points N N"], tokens: int, signals: int) -> Float[np.ndarray, "points L L"]:
    """Repeat the feature blocks once for every signal direction."""
    features = matrix.shape[-1] - tokens
    lifted = np.zeros((len(matrix), tokens + features * signals, tokens + features * signals))
    lifted[:, :tokens, :tokens] = matrix[:, :tokens, :tokens]
    block = matrix[:, tokens:, None, tokens:, None] * np.eye(signals)[None, None, :, None, :]
    lifted[:, tokens:, tokens:] = block.reshape(len(matrix), features * signals, features * signals)
    return lifted
