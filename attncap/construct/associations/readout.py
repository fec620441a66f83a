r"""A readout of rank d: logits $\Phi B W^\top$, their logistic loss and its gradient."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Float, Int

from attncap.models import TokenModel
from attncap.numerics.exponentials import raised
from attncap.numerics.lbfgs import Objective
from attncap.numerics.memory import chunks
from attncap.tasks import Associations

M = TypeVar("M", bound=TokenModel)
# Logits of the first guess, in units of log n: enough to tell n answers apart, not so much that the loss saturates.
INITIAL_SCALE = 3.0
# On the circle neighbours are close, and only large logits tell them apart.
CIRCLE_SCALE = 30.0


@dataclass(frozen=True)
class Readout:
    """Two factors of the logits.

    Attributes:
        encoder: $B$, from features to representation.
        unembedding: $W$, one row an answer.
        fixed: whether $W$ is given, and no parameter.
    """

    encoder: Float[np.ndarray, "F d"]
    unembedding: Float[np.ndarray, "n d"]
    fixed: bool = False

    @property
    def flat(self) -> Float[np.ndarray, " P"]:
        """The parameters as one vector."""
        return self.encoder.ravel() if self.fixed else np.concatenate([self.encoder.ravel(), self.unembedding.ravel()])

    def like(self, flat: Float[np.ndarray, " P"]) -> "Readout":
        """Return a readout of the same shape with other parameters."""
        encoder, unembedding = np.split(flat, [self.encoder.size])
        unembedding = self.unembedding if self.fixed else unembedding.reshape(self.unembedding.shape)
        return Readout(encoder.reshape(self.encoder.shape), unembedding.astype(flat.dtype, copy=False), self.fixed)


def first_guess(
    features: Float[np.ndarray, "T F"], answers: Int[np.ndarray, " T"], directions: Float[np.ndarray, "n d"]
) -> Readout:
    r"""Fit the answers' directions by least squares.

    Args:
        features: $\Phi$, whitened: $\Phi^\top \Phi = (T/F) I$.
        answers: row of ``directions`` of each sequence's answer.
        directions: unit vectors, one an answer.

    Returns:
        $B$ and $W$, scaled so that a perfect fit has logits of $3 \log n$ ($30 \log n$ on the circle, $d = 2$).
    """
    rows, columns = features.shape
    scale = CIRCLE_SCALE if directions.shape[1] == 2 else INITIAL_SCALE
    unembedding = directions * np.sqrt(scale * np.log(len(directions)))
    encoder = features.T @ unembedding[answers].astype(features.dtype) * (columns / rows)
    return Readout(encoder.astype(np.float64), unembedding)


def logistic(
    features: Float[np.ndarray, "T F"],
    answers: Int[np.ndarray, " T"],
    like: Readout,
    carried: Float[np.ndarray, "T d"] | None = None,
) -> Objective:
    r"""Return the loss $\frac1T \sum_t -\log \operatorname{softmax}(W (c_t + B^\top \phi_t))_{y_t}$ of a readout.

    It computes in the features' type, over pieces of the sequences, so that memory stays bounded.

    Args:
        features: $\Phi$.
        answers: $y_t$, rows of the unembedding.
        like: gives the shapes; where its $W$ is fixed, the loss is convex.
        carried: $c_t$, added to the representation; nothing by default.

    Returns:
        An objective for `attncap.numerics.lbfgs.descend`: loss in nats, gradient, smallest margin in logits.
    """

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray, float]:
        readout = like.like(flat.astype(features.dtype))
        encoded = features @ readout.encoder
        if carried is not None:
            encoded += carried
        loss, margin = 0.0, np.inf
        to_unembedding = np.zeros_like(readout.unembedding)
        for rows in chunks(len(encoded), 2 * features.itemsize * len(readout.unembedding)):
            nats, smallest, to_encoded, part = piece(encoded[rows], readout.unembedding, answers[rows])
            loss, margin = loss + nats, min(margin, smallest)
            to_unembedding += part
            encoded[rows] = to_encoded
        gradient = Readout(features.T @ encoded, to_unembedding, like.fixed).flat / len(encoded)
        return loss / len(encoded), gradient.astype(np.float64), margin

    return objective


def piece(
    encoded: Float[np.ndarray, "t d"], unembedding: Float[np.ndarray, "n d"], answers: Int[np.ndarray, " t"]
) -> tuple[float, float, Float[np.ndarray, "t d"], Float[np.ndarray, "n d"]]:
    """Return the summed loss, the smallest margin and the gradients by both factors, with one (n, t) array."""
    index = np.arange(len(encoded))
    logits = unembedding @ encoded.T
    own = logits[answers, index]
    logits[answers, index] = -np.inf
    rival = logits.max(axis=0)
    top = np.maximum(own, rival)
    logits -= top
    weights, mine = raised(logits), raised(own - top)
    total = weights.sum(axis=0) + mine
    # softmax minus the indicator of the answer, before division by the total: that is done on the thin factors.
    weights[answers, index] = mine - total
    loss = float((np.log(total) + top - own).sum(dtype=np.float64))
    thin = encoded / total[:, None]
    return loss, float((own - rival).min()), weights.T @ unembedding / total[:, None], weights @ thin


def spread(
    unembedding: Float[np.ndarray, "n d"], used: Int[np.ndarray, " n"], vocabulary_size: int
) -> Float[np.ndarray, "N d"]:
    """Give every token a row: the answers their centred rows, the others zeros.

    Centred, the answers' logits have mean zero, so that a token with a row of zeros has their mean and cannot win.
    """
    rows = np.zeros((vocabulary_size, unembedding.shape[1]))
    rows[used] = unembedding - unembedding.mean(axis=0)
    return rows


@dataclass(frozen=True)
class Problem(Generic[M]):
    """A loss to descend, and the models that its points stand for.

    Attributes:
        objective: returns the loss in nats an association, its gradient, and the smallest margin in logits.
        start: the first point.
        finish: makes a model of a point.
        refresh: adds the rivals at a point that the loss left out, and returns how many answers do not lead.
        fixed: whether it leaves none out, so that no such look changes the loss.
        shapes: of the tensors that a point holds, in order.
    """

    objective: Objective
    start: Float[np.ndarray, " P"]
    finish: Callable[[np.ndarray], M]
    refresh: Callable[[np.ndarray], int] = lambda point: 0
    fixed: bool = True
    shapes: tuple[tuple[int, ...], ...] = ()


def answers_of(task: Associations) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " T"]]:
    """Return the tokens that are answers, and each answer's place among them."""
    used = np.unique(task.answers)
    if len(used) == 1:
        # One answer alone has nobody to lead.
        used = np.array([used[0], (used[0] + 1) % task.vocabulary_size])
        return used, np.zeros(task.associations, dtype=np.int64)
    return used, np.searchsorted(used, task.answers)
