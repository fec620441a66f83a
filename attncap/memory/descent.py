r"""Descend from where a memory stands: the readout of its own features, until every fact is right.

The features $[X\ Z]$ are whitened to $\Phi$, and $\Phi B W^\top$ starts at the memory's own last map and unembedding.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import logsumexp, softmax, xlogy

from attncap import measure
from attncap.archive import Archive
from attncap.construct.associations.gauge import absorb
from attncap.construct.associations.joint_descent import whole
from attncap.construct.associations.joint_stages import FEW, GROWTH, ROUND, Watch
from attncap.construct.associations.random_attention import features
from attncap.construct.associations.readout import Problem, Readout, answers_of, first_guess, spread
from attncap.construct.associations.rivals import Rivals
from attncap.construct.perceptrons.descent import whole as whole_perceptron
from attncap.models import AttentionOnlyTransformer, Perceptron, TokenModel
from attncap.numerics.lbfgs import EVALUATIONS, Objective, descend
from attncap.numerics.memory import require
from attncap.numerics.whitening import whiten
from attncap.tasks import Associations

# Where an answer is lost in the stored type, so many times what rounding moved a margin is asked for next.
SAFETY = 2.0
# A forgotten fact's distribution is this close to the prior, in nats.
CLOSE = 0.02


@dataclass(frozen=True)
class Prior:
    r"""What a memory should say of facts that it does not hold: the prior over each one's candidates.

    Attributes:
        sequences: the questions.
        candidates: which tokens are candidates of each.
        probability: $q$, zero elsewhere.
    """

    sequences: Int[np.ndarray, "k S"]
    candidates: Bool[np.ndarray, "k N"]
    probability: Float[np.ndarray, "k N"]


@dataclass(frozen=True)
class Descended:
    """Where a descent ended.

    Attributes:
        model: in float64.
        point: of its problem.
        evaluations: of the loss and its gradient.
        right: whether the stored type answers everything.
    """

    model: TokenModel
    point: Float[np.ndarray, " P"]
    evaluations: int
    right: bool


def descended(
    model: TokenModel,
    task: Associations,
    dtype: str,
    margin: float,
    *,
    prior: Prior | None = None,
    directions: Float[np.ndarray, "n d"] | None = None,
) -> Descended:
    """Descend the logistic loss of the readout until every margin exceeds a target in the stored type, or it stalls.

    Args:
        model: where to start, in float64; its attention and embeddings stay.
        task: what it is to answer.
        dtype: the type in which every answer has to lead.
        margin: the first target, in logits.
        prior: facts that it is to know no more of than this.
        directions: start from least squares on these directions of the answers instead.
    """
    rows, columns = task.associations, model.embedding_dim + len(model.readout)
    require(4.0 * rows * columns + 24.0 * columns**2 + 5e8, f"descending on {rows:,} x {columns:,} features")
    used, places = answers_of(task)
    phi = features(model.astype("float32"), task)
    skip = phi[:, : model.embedding_dim].astype(np.float64)
    whitener = whiten(phi)
    if directions is None:
        standing = np.concatenate([np.eye(model.embedding_dim), model.readout])
        start = Readout(np.linalg.solve(whitener, standing), model.unembedding[used])
    else:
        start = first_guess(phi, places, directions)
    rivals = Rivals(places, len(used))
    objective = _readout(phi, rivals, start)
    if prior is not None:
        away = np.concatenate(model.split(prior.sequences), axis=1) @ whitener
        objective = _with_prior(objective, away, prior, used, start, rows)

    def finish(flat: np.ndarray) -> TokenModel:
        readout = start.like(flat)
        unembedding = spread(readout.unembedding, used, task.vocabulary_size)
        reached = (phi @ readout.encoder.astype(phi.dtype)).astype(np.float64)
        rowed = replace(model, unembedding=unembedding)  # type: ignore[type-var]
        return absorb(rowed, task, skip, whitener @ readout.encoder, reached)

    def refresh(flat: np.ndarray) -> int:
        readout = start.like(flat.astype(phi.dtype))
        return rivals.refresh(phi @ readout.encoder, readout.unembedding)

    problem: Problem[TokenModel] = Problem(objective, start.flat, finish, refresh, rivals.all)
    return until_right(problem, start.flat, task, dtype, margin)


def is_whole(memory: Archive) -> bool:
    """Whether all weights were descended with the facts, and not only the readout of weights that were drawn."""
    details = memory.result.get("details", {})
    return memory.header.get("method") in ("joint", "train") or bool(details.get("joint_evaluations"))


def descended_whole(model: TokenModel, task: Associations, dtype: str, margin: float) -> Descended | None:
    """Descend over all weights, embeddings too, in float32 and then in float64; None for models that have no such loss.

    Args:
        model: where to start, in float64.
        task: what it is to answer.
        dtype: the type in which every answer has to lead.
        margin: the first target, in logits.
    """
    start: Any
    how: Any
    if isinstance(model, Perceptron):
        start, how = model, partial(whole_perceptron, given=False)
    elif isinstance(model, AttentionOnlyTransformer) and model.residual_position:
        start, how = replace(model, query=model.score_scale * model.query, score_scale=1.0), whole
    else:
        return None
    found, evaluations = None, 0
    for kind in ("float32", "float64"):
        problem = how(start, task, *answers_of(task), dtype=kind)
        found = until_right(problem, problem.start if found is None else found.point, task, dtype, margin)
        evaluations += found.evaluations
        if found.right:
            break
    assert found is not None
    return replace(found, evaluations=evaluations)


def until_right(
    problem: Problem[Any], point: Float[np.ndarray, " P"], task: Associations, dtype: str, margin: float
) -> Descended:
    """Descend, raising the target until the stored type answers everything, or the descent stalls.

    Where the loss compares with close rivals alone, rounds alternate with looks at all of them.
    """
    target, spent, size, watch = margin, 0, ROUND, Watch(0)
    problem.refresh(point)
    while True:
        descent = descend(problem.objective, point, target, EVALUATIONS if problem.fixed else size)
        point, spent, size = descent.point, spent + descent.evaluations, int(GROWTH * size)
        wrong = problem.refresh(point)
        ahead = descent.margin > target and not wrong
        model = problem.finish(point) if ahead else None
        if model is not None:
            lowest = float(measure.margin(model, task, dtype).min())
            if lowest > 0:
                return Descended(model, point, spent, True)
            target = max(2 * target, SAFETY * (descent.margin - lowest))
        watch.see(spent, wrong, descent.loss)
        stuck = not ahead and (problem.fixed or descent.evaluations <= FEW)
        if stuck or watch.stalled(spent):
            model = problem.finish(point)
            return Descended(model, point, spent, bool((measure.margin(model, task, dtype) > 0).all()))


def _readout(phi: Float[np.ndarray, "T P"], rivals: Rivals, like: Readout) -> Objective:
    """Return the loss of a readout of features against each answer's rivals."""

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray, float]:
        readout = like.like(flat.astype(phi.dtype))
        loss, margin, to_encoded, to_unembedding = rivals.loss(phi @ readout.encoder, readout.unembedding)
        gradient = Readout(phi.T @ to_encoded, to_unembedding).flat / len(phi)
        return loss / len(phi), gradient.astype(np.float64), margin

    return objective


def _with_prior(
    objective: Objective,
    away: Float[np.ndarray, "k P"],
    prior: Prior,
    used: Int[np.ndarray, " n"],
    like: Readout,
    rows: int,
) -> Objective:
    r"""Add $\frac1T \sum_f \mathrm{KL}(q_f \| p_f)$ over the candidates; a margin counts only once all are close.

    A candidate that is no longer an answer has no row; its logit is the mean of all that have one.
    """
    inside = prior.candidates[:, used]
    silent = prior.candidates.sum(axis=1) - inside.sum(axis=1)
    count = np.concatenate([inside, silent[:, None]], axis=1).astype(np.float64)
    q = prior.probability[:, used]
    q = np.concatenate([q, (prior.probability.sum(axis=1) - q.sum(axis=1))[:, None]], axis=1)
    # A column stands for its candidates together.
    constant = xlogy(q, np.divide(q, count, out=np.ones_like(q), where=count > 0)).sum(axis=1)

    def whole(flat: np.ndarray) -> tuple[float, np.ndarray, float]:
        loss, gradient, margin = objective(flat)
        readout = like.like(flat)
        encoded = away @ readout.encoder
        logits = encoded @ readout.unembedding.T
        logits = np.concatenate([logits, logits.mean(axis=1, keepdims=True)], axis=1)
        with np.errstate(divide="ignore"):
            weighed = logits + np.log(count)
        divergence = constant - (q * logits).sum(axis=1) + logsumexp(weighed, axis=1)
        pull = softmax(weighed, axis=1) - q
        pull = (pull[:, :-1] + pull[:, -1:] / len(used)) / rows
        added = Readout(away.T @ (pull @ readout.unembedding), pull.T @ encoded).flat
        far = float(divergence.max()) - CLOSE
        return loss + float(divergence.sum()) / rows, gradient + added, margin if far <= 0 else min(margin, -far)

    return whole
