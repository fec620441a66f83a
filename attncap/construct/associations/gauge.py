"""Absorb the coefficient of the skip connection into the output side of the model."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from attncap.measure import margins
from attncap.models import TokenModel
from attncap.numerics.memory import chunks
from attncap.tasks import Associations

T = TypeVar("T", bound=TokenModel)
FLOORS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)


def absorb(
    model: T,
    task: Associations,
    skip: Float[np.ndarray, "T d"],
    solution: Float[np.ndarray, "F d"],
    reached: Float[np.ndarray, "T d"],
) -> T:
    r"""Finish a model from a solution $[W_0; W_O]$ of $X W_0 + Z W_O = E$.

    The architecture fixes the skip coefficient to the identity, so $W_0$ moves to the other side,
    $W_O \leftarrow W_O W_0^{-1}$ and $W_U \leftarrow W_U W_0^\top$, which leaves every logit as it is and touches
    neither embeddings nor attention. A nearly singular $W_0$ would ruin the precision: its singular values are
    raised to at least $\tau \sigma_{\max}$, with the largest $\tau$ that keeps half of the smallest margin.

    Args:
        model: attention, values and unembedding; its output matrices are replaced.
        task: the sequences and answers.
        skip: $X$, what the skip connection carries.
        solution: $[W_0; W_O]$.
        reached: $X W_0 + Z W_O$.

    Returns:
        The model whose output matrices and unembedding realize the solution.
    """
    dim = model.embedding_dim
    coefficient, combine = solution[:dim], solution[dim:]
    left, values, right = np.linalg.svd(coefficient)
    allowed = _smallest_margin(reached, model.unembedding, task) / 2
    floored = coefficient
    for floor in FLOORS:
        raised = np.maximum(values, floor * values[0])
        if values[-1] >= raised[-1]:
            break
        candidate = (left * raised) @ right
        moved = reached + skip @ (candidate - coefficient)
        if _smallest_margin(moved, model.unembedding, task) >= allowed:
            floored = candidate
            break
    return fold(model, floored, combine)


def fold(model: T, coefficient: Float[np.ndarray, "d d"], combine: Float[np.ndarray, "F d"]) -> T:
    r"""Set $W_O \leftarrow W_O W_0^{-1}$ and $W_U \leftarrow W_U W_0^\top$, the logits of $X W_0 + Z W_O$ exactly.

    Where nothing is carried past the last map there is no $W_0$.
    """
    if not model.carries:
        return model.with_readout(combine)
    readout = np.linalg.solve(coefficient.T, combine.T).T
    unembedding = model.unembedding @ coefficient.T
    return replace(model.with_readout(readout), unembedding=unembedding)  # type: ignore[type-var]


def _smallest_margin(
    encoded: Float[np.ndarray, "T d"], unembedding: Float[np.ndarray, "N d"], task: Associations
) -> float:
    pieces = chunks(task.associations, 24 * len(unembedding))
    return min(float(margins(encoded[rows] @ unembedding.T, task.answers[rows]).min()) for rows in pieces)
