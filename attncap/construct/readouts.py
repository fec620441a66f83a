"""The readout of a layer's own features: against a given unembedding, or together with one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from attncap.construct.associations.random_attention import features
from attncap.construct.associations.readout import Problem, Readout, answers_of, first_guess, logistic, spread
from attncap.measure import answers_in_use
from attncap.models import TokenModel
from attncap.numerics.lbfgs import MEMORY, expect_descent
from attncap.numerics.memory import require
from attncap.numerics.whitening import whiten
from attncap.tasks import Associations

T = TypeVar("T", bound=TokenModel)


def given_readout(model: T, task: Associations) -> Problem[T]:
    r"""Pose the last linear map alone as a problem: the unembedding stays, and the loss is convex.

    A descent that has converged with an answer wrong proves that no last linear map of these features recalls all.
    """
    require_readout(model, task)
    matrix = features(model.astype("float32"), task)
    carried, phi = np.split(matrix, [model.embedding_dim], axis=1)
    phi = np.ascontiguousarray(phi)
    whitener = whiten(phi)
    guess = first_guess(phi, task.answers, model.unembedding)
    # The first guess scales the unembedding; here the map takes the scale.
    scale = np.linalg.norm(guess.unembedding) / np.linalg.norm(model.unembedding)
    start = Readout(guess.encoder * scale, model.unembedding, fixed=True)

    def finish(point: np.ndarray) -> T:
        return model.with_readout(whitener @ start.like(point).encoder)

    return Problem(logistic(phi, task.answers, start, carried), start.flat, finish)


def free_readout(
    model: T,
    task: Associations,
    phi: Float[np.ndarray, "T F"],
    written: Callable[[T, Float[np.ndarray, "F d"], Float[np.ndarray, "F d"]], T],
) -> Problem[T]:
    """Pose the last linear map of features, and the unembedding, as a problem.

    Args:
        model: whose unembedding is where to start.
        task: what to memorize.
        phi: the features in float32, which are whitened in place.
        written: returns a model with a last linear map, given as it acts on the features and on the whitened ones.
    """
    whitener = whiten(phi)
    used, answers = answers_of(task)
    start = first_guess(phi, answers, model.unembedding[used])

    def finish(point: np.ndarray) -> T:
        readout = start.like(point)
        unembedding: Any = spread(readout.unembedding, used, task.vocabulary_size)
        return written(replace(model, unembedding=unembedding), whitener @ readout.encoder, readout.encoder)  # type: ignore[type-var]

    return Problem(logistic(phi, answers, start), start.flat, finish)


def require_readout(model: TokenModel, task: Associations) -> None:
    """Refuse features that do not fit into memory.

    Raises:
        UnmetError: with what it takes.
    """
    rows, dim, columns = task.associations, model.embedding_dim, model.embedding_dim + len(model.readout)
    # The features in float32; Gram matrix, factor and whitener; the pairs and copies of L-BFGS; pieces of 64 MB.
    points = 8.0 * (2 * MEMORY + 12) * dim * (columns + task.vocabulary_size)
    answers, what = len(answers_in_use(task)), f"margin mode on {rows:,} x {columns:,} features"
    taken = 4.0 * rows * columns + 24.0 * columns**2 + points + 40.0 * rows * dim + 5e8
    require(taken, what)
    expect_descent(rows, dim * (columns + answers), answers, what)
