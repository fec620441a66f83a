"""The logistic loss of a whole model, layer and embeddings, as a problem in the parameters that a task reads."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from attncap.construct.associations.readout import M, Problem
from attncap.construct.associations.rivals import Rivals
from attncap.construct.flattened import Flattened, Pull, Tensors
from attncap.models.layout import rounded
from attncap.tasks import Associations

Encode = Callable[[Tensors], tuple[Float[np.ndarray, "T d"], Pull]]


def pose(
    model: M,
    task: Associations,
    used: Int[np.ndarray, " n"],
    answers: Int[np.ndarray, " T"],
    encode: Encode,
    *,
    dtype: str,
    frozen: Collection[str] = (),
    rounding: bool = False,
    strides: Mapping[str, float] | None = None,
) -> Problem[M]:
    """Pose the logistic loss of a whole model as a problem.

    The model has embeddings of the tokens that sequences hold, and rows of the unembedding for those that are answers;
    tables that are frozen keep all their rows.

    Args:
        model: where to start.
        task: what to memorize.
        used: the tokens that compete: answers, or all where the unembedding is frozen.
        answers: each association's answer, as a place in ``used``.
        encode: returns the representations of all sequences, and what takes gradients by them back to the weights;
            their embedding has a row for each token that is read, in order.
        dtype: what it computes in.
        frozen: the tensors that stay as they are.
        rounding: the loss and its gradient are those of the weights rounded to int8 (straight-through: what rounding
            does to the gradient is left out).
        strides: see `attncap.construct.flattened.Flattened`.

    Returns:
        The problem.
    """
    tensors, read = model.tensors(), np.unique(task.sequences)
    if rounding:
        # The scales of a frozen table are those of all its rows.
        tensors |= {name: rounded(name, tensors[name]) for name in frozen}
    tensors |= {"embedding": tensors["embedding"][read], "unembedding": tensors["unembedding"][used]}
    kept = {name: tensors.pop(name).astype(dtype) for name in frozen}
    free, rivals = Flattened(tensors, dtype, kept, rounding, strides or {}), Rivals(answers, len(used))
    rows = {name: tokens for name, tokens in (("embedding", read), ("unembedding", used)) if name not in frozen}

    def objective(point: np.ndarray) -> tuple[float, np.ndarray, float]:
        weights = free.at(point)
        encoded, pull = encode(weights)
        loss, margin, to_encoded, to_unembedding = rivals.loss(encoded, weights["unembedding"])
        gradient = pull(to_encoded) | {"unembedding": to_unembedding}
        return loss / len(encoded), free.gradient(gradient) / len(encoded), margin

    def finish(point: np.ndarray) -> M:
        weights = free.at(point)
        found: Any = {name: weights[name].astype(np.float64) for name in tensors}
        if "unembedding" in found and not rounding:
            # Where a runtime has every row, a token with a row of zeros cannot win.
            found["unembedding"] -= found["unembedding"].mean(axis=0)
        for name, tokens in rows.items():
            table = np.zeros((task.vocabulary_size, model.embedding_dim))
            table[tokens] = found[name]
            found[name] = table
        return replace(model, **found).in_rows(**rows)  # type: ignore[type-var]

    def refresh(point: np.ndarray) -> int:
        weights = free.at(point)
        return rivals.refresh(encode(weights)[0], weights["unembedding"])

    return Problem(objective, free.start, finish, refresh, rivals.all, free.shapes)
