"""The logistic loss of a whole perceptron as a problem in all its parameters, or in those of the layer."""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int

from attncap.construct.associations.readout import Problem, spread
from attncap.construct.associations.rivals import Rivals
from attncap.construct.flattened import Flattened, Tensors
from attncap.construct.perceptrons.units import encode
from attncap.models import Perceptron
from attncap.numerics.memory import require
from attncap.tasks import Associations

LAYER = Perceptron.parts["perceptron"]


def whole(
    model: Perceptron,
    task: Associations,
    used: Int[np.ndarray, " n"],
    answers: Int[np.ndarray, " T"],
    dtype: str = "float64",
    *,
    given: bool,
) -> Problem[Perceptron]:
    """Pose the logistic loss of a whole perceptron as a problem.

    Args:
        model: where to start.
        task: what to memorize.
        used: the tokens that compete: answers, or all where the unembedding is given.
        answers: each association's answer, as a place in ``used``.
        dtype: what it computes in.
        given: whether embedding and unembedding stay.
    """
    require(task.associations * (48.0 * model.units + 3000), f"training all of {task.name}")
    read, places = np.unique(task.sequences, return_inverse=True)
    sequences = places.reshape(task.sequences.shape)
    rivals = Rivals(answers, len(used))
    tensors = model.tensors() | {"embedding": model.embedding[read], "unembedding": model.unembedding[used]}
    free = Flattened({name: tensors[name] for name in tensors if name in LAYER or not given}, dtype)
    kept = {name: tensor.astype(dtype) for name, tensor in tensors.items() if name not in free.tensors}

    def tensors_at(point: np.ndarray) -> Tensors:
        return kept | free.at(point)

    def objective(point: np.ndarray) -> tuple[float, np.ndarray, float]:
        weights = tensors_at(point)
        encoded, pull = encode(weights, sequences, model.activation)
        loss, margin, to_encoded, to_unembedding = rivals.loss(encoded, weights["unembedding"])
        gradient = pull(to_encoded) | {"unembedding": to_unembedding}
        return loss / len(encoded), free.gradient(gradient) / len(encoded), margin

    def finish(point: np.ndarray) -> Perceptron:
        weights: Any = {name: tensor.astype(np.float64) for name, tensor in free.at(point).items()}
        if not given:
            embedding = np.zeros_like(model.embedding)
            embedding[read] = weights["embedding"]
            unembedding = spread(weights["unembedding"], used, task.vocabulary_size)
            weights |= {"embedding": embedding, "unembedding": unembedding}
        return replace(model, **weights)

    def refresh(point: np.ndarray) -> int:
        weights = tensors_at(point)
        return rivals.refresh(encode(weights, sequences, model.activation)[0], weights["unembedding"])

    return Problem(objective, free.start, finish, refresh, rivals.all)
