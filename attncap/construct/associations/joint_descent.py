"""The logistic loss of a whole model, attention and embeddings too, as a problem in all its parameters."""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from attncap.construct.associations.readout import Problem
from attncap.construct.associations.rivals import Rivals
from attncap.construct.associations.tabled import Tables, Tensors
from attncap.models import AttentionOnlyTransformer
from attncap.models.layout import rounded
from attncap.numerics.memory import require
from attncap.tasks import Associations


def whole(
    model: AttentionOnlyTransformer,
    task: Associations,
    used: Int[np.ndarray, " n"],
    answers: Int[np.ndarray, " T"],
    dtype: str = "float64",
    *,
    rounding: bool = False,
) -> Problem:
    """Pose the logistic loss of a whole model as a problem in the parameters that the task reads.

    Each tensor is measured in its own root mean square, so that one step suits all of them. The model has embeddings
    of the tokens that sequences hold, and rows of the unembedding for those that are answers.

    Args:
        model: where to start; its scores are not scaled and its skip connection carries positions.
        task: what to memorize.
        used: the tokens that are answers.
        answers: each association's answer, as a place in ``used``.
        dtype: computes in float64 near the limit of what a shape holds, where terms cancel; float32 is faster.
        rounding: the loss and its gradient are those of the weights rounded to int8 (straight-through: what rounding
            does to the gradient is left out).

    Returns:
        The problem.
    """
    # Queries, keys, values and their gradients of every sequence; its closest rivals.
    units = model.heads * (model.head_dim + 2 * task.context)
    require(task.associations * (16.0 * units + 3000), f"training all of {task.name}")
    read, sequences = np.unique(task.sequences, return_inverse=True)
    tables = Tables(sequences.reshape(task.sequences.shape))
    rivals = Rivals(answers, len(used))
    rows = {"embedding": read, "unembedding": used}
    tensors = {name: tensor[rows[name]] if name in rows else tensor for name, tensor in model.tensors().items()}
    once = len(tables.pairs[0]) == len(read)
    if rounding and once:
        # The embedding says where a token stands.
        tensors |= {"embedding": _placed(tensors, tables), "position": np.zeros_like(tensors["position"])}
    scales = {name: max(float(np.sqrt(np.mean(tensor**2))), 1e-6) for name, tensor in tensors.items()}
    ends = np.cumsum([tensor.size for tensor in tensors.values()])[:-1]

    def flat(weights: Tensors, power: int) -> Float[np.ndarray, " P"]:
        return np.concatenate([(weights[name] * scales[name] ** power).ravel() for name in tensors]).astype(np.float64)

    def tensors_at(point: Float[np.ndarray, " P"]) -> Tensors:
        parts = zip(tensors.items(), np.split(point, ends), strict=True)
        found = {name: (scales[name] * part).reshape(tensor.shape).astype(dtype) for (name, tensor), part in parts}
        if not rounding:
            return found
        if once:
            found["position"] = np.zeros_like(found["position"])
        return {name: rounded(name, tensor) for name, tensor in found.items()}

    def objective(point: np.ndarray) -> tuple[float, np.ndarray, float]:
        weights = tensors_at(point)
        encoded, pull = tables.encode(weights)
        loss, margin, to_encoded, to_unembedding = rivals.loss(encoded, weights["unembedding"])
        gradient = pull(to_encoded) | {"unembedding": to_unembedding}
        return loss / len(encoded), flat(gradient, 1) / len(encoded), margin

    def finish(point: np.ndarray) -> AttentionOnlyTransformer:
        weights = {name: tensor.astype(np.float64) for name, tensor in tensors_at(point).items()}
        if once:
            weights |= {"embedding": _placed(weights, tables), "position": np.zeros_like(weights["position"])}
        if not rounding:
            # Where a runtime has every row, a token with a row of zeros cannot win.
            weights["unembedding"] -= weights["unembedding"].mean(axis=0)
        for name, tokens in rows.items():
            whole = np.zeros((task.vocabulary_size, model.embedding_dim))
            whole[tokens] = weights[name]
            weights[name] = whole
        found: Any = weights
        return replace(model, **found).in_rows(read, used)

    def refresh(point: np.ndarray) -> int:
        weights = tensors_at(point)
        return rivals.refresh(tables.encode(weights)[0], weights["unembedding"])

    start = flat(tensors, -1)
    return Problem(objective, start, finish, refresh, rivals.all)


def _placed(weights: Tensors, tables: Tables) -> Float[np.ndarray, "n d"]:
    """Return the embeddings of tokens that stand at one place each, with the position of that place."""
    tokens, positions, _ = tables.pairs
    embedding = weights["embedding"].copy()
    embedding[tokens] += weights["position"][positions]
    return embedding
