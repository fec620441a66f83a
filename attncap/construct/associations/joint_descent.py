"""The logistic loss of a whole model, attention and embeddings too, as a problem in all its parameters."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from attncap.construct.associations.readout import Problem, spread
from attncap.construct.associations.rivals import Rivals
from attncap.construct.associations.tabled import Tables
from attncap.construct.flattened import Flattened, Tensors
from attncap.models import AttentionOnlyTransformer
from attncap.numerics.memory import require
from attncap.tasks import Associations


def whole(
    model: AttentionOnlyTransformer,
    task: Associations,
    used: Int[np.ndarray, " n"],
    answers: Int[np.ndarray, " T"],
    dtype: str = "float64",
    frozen: Collection[str] = (),
) -> Problem[AttentionOnlyTransformer]:
    """Pose the logistic loss of a whole model as a problem in the parameters that the task reads.

    Each tensor is measured in its own root mean square, so that one step suits all of them. Embeddings of tokens that
    no sequence holds stay zero, as does the unembedding of tokens that are no answer.

    Args:
        model: where to start; its scores are not scaled and its skip connection carries positions.
        task: what to memorize.
        used: the tokens that are answers.
        answers: each association's answer, as a place in ``used``.
        dtype: computes in float64 near the limit of what a shape holds, where terms cancel; float32 is faster.
        frozen: the tensors that stay as they are.

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
    free = Flattened({name: tensor for name, tensor in tensors.items() if name not in frozen}, dtype)
    kept = {name: tensors[name].astype(dtype) for name in frozen}

    def tensors_at(point: Float[np.ndarray, " P"]) -> Tensors:
        return kept | free.at(point)

    def objective(point: np.ndarray) -> tuple[float, np.ndarray, float]:
        weights = tensors_at(point)
        encoded, pull = tables.encode(weights)
        loss, margin, to_encoded, to_unembedding = rivals.loss(encoded, weights["unembedding"])
        gradient = pull(to_encoded) | {"unembedding": to_unembedding}
        return loss / len(encoded), free.gradient(gradient) / len(encoded), margin

    def finish(point: np.ndarray) -> AttentionOnlyTransformer:
        if frozen:
            moved: Any = {name: tensor.astype(np.float64) for name, tensor in free.at(point).items()}
            return replace(model, **moved)
        weights = {name: tensor.astype(np.float64) for name, tensor in tensors_at(point).items()}
        embedding = np.zeros((task.vocabulary_size, model.embedding_dim))
        embedding[read] = weights["embedding"]
        tokens, positions, _ = tables.pairs
        if len(tokens) == len(read):
            # Every token stands at one place: its embedding says which.
            embedding[read[tokens]] += weights["position"][positions]
            weights["position"] = np.zeros_like(weights["position"])
        unembedding = spread(weights["unembedding"], used, task.vocabulary_size)
        return replace(model, **weights | {"embedding": embedding, "unembedding": unembedding})

    def refresh(point: np.ndarray) -> int:
        weights = tensors_at(point)
        return rivals.refresh(tables.encode(weights)[0], weights["unembedding"])

    return Problem(objective, free.start, finish, refresh, rivals.all)
