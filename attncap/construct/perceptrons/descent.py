"""The logistic loss of a whole perceptron as a problem in all its parameters, or in those of the layer."""

from functools import partial

import numpy as np
from jaxtyping import Int

from attncap.construct.associations.posing import pose
from attncap.construct.associations.readout import Problem
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
    rounding: bool = False,
) -> Problem[Perceptron]:
    """Pose the logistic loss of a whole perceptron as a problem.

    Args:
        model: where to start.
        task: what to memorize.
        used: the tokens that compete: answers, or all where the unembedding is given.
        answers: each association's answer, as a place in ``used``.
        dtype: what it computes in.
        given: whether embedding and unembedding stay.
        rounding: the loss and its gradient are those of the weights rounded to int8.
    """
    require(task.associations * (48.0 * model.units + 3000), f"training all of {task.name}")
    places = np.unique(task.sequences, return_inverse=True)[1].reshape(task.sequences.shape)
    encoder = partial(encode, sequences=places, activation=model.activation)
    frozen = ("embedding", "unembedding") if given else ()
    return pose(model, task, used, answers, encoder, dtype=dtype, frozen=frozen, rounding=rounding)
