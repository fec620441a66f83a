"""The logistic loss of a whole layer of attention, embeddings too, as a problem in all its parameters."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Int

from attncap.construct.associations.grid import FILLED, Grid
from attncap.construct.associations.posing import pose
from attncap.construct.associations.readout import Problem
from attncap.construct.associations.tabled import Tables
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
    *,
    rounding: bool = False,
    strides: Mapping[str, float] | None = None,
) -> Problem[AttentionOnlyTransformer]:
    """Pose the logistic loss of a whole model as a problem in the parameters that the task reads.

    Args:
        model: where to start; its scores are not scaled and its skip connection carries positions.
        task: what to memorize.
        used: the tokens that compete: answers, or all where the unembedding is frozen.
        answers: each association's answer, as a place in ``used``.
        dtype: computes in float64 near the limit of what a shape holds, where terms cancel; float32 is faster.
        frozen: the tensors that stay as they are.
        rounding: the loss and its gradient are those of the weights rounded to int8.
        strides: see `attncap.construct.flattened.Flattened`.

    Returns:
        The problem.
    """
    # Queries, keys, values and their gradients of every sequence; its closest rivals.
    units = model.heads * (model.head_dim + 2 * task.context)
    require(task.associations * (16.0 * units + 3000), f"training all of {task.name}")
    read, places = np.unique(task.sequences, return_inverse=True)
    places = places.reshape(task.sequences.shape)
    tables = Tables(places)
    # The embedding then says where a token stands.
    once = "position" not in frozen and len(tables.pairs[0]) == len(read)
    grid = Grid(places) if task.context == 2 else None
    encode = grid.encode if grid and grid.filled >= FILLED else tables.encode
    if rounding and once:
        model, frozen = _placed(model, task), {*frozen, "position"}
    problem = pose(model, task, used, answers, encode, dtype=dtype, frozen=frozen, rounding=rounding, strides=strides)
    return replace(problem, finish=lambda point: _placed(problem.finish(point), task)) if once else problem


def _placed(model: AttentionOnlyTransformer, task: Associations) -> AttentionOnlyTransformer:
    """Return a model of tokens that stand at one place each, whose embeddings hold the position of that place."""
    tokens, first = np.unique(task.sequences, return_index=True)
    embedding = model.embedding.copy()
    embedding[tokens] += model.position[first % task.context]
    return replace(model, embedding=embedding, position=np.zeros_like(model.position))
