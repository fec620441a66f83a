r"""Descend from where a memory stands: the readout of its own features, until every fact is right.

The features $[X\ Z]$ are whitened to $\Phi$, and $\Phi B W^\top$ starts at the memory's own last map and unembedding.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import logsumexp, softmax, xlogy

from attncap import measure
from attncap.construct.associations.gauge import absorb
from attncap.construct.associations.random_attention import features
from attncap.construct.associations.readout import Readout, answers_of, first_guess, logistic, spread
from attncap.models import AttentionOnlyTransformer, TokenModel
from attncap.numerics.lbfgs import Objective, descend
from attncap.numerics.memory import require
from attncap.numerics.whitening import whiten
from attncap.tasks import Associations

ROUNDS = 6
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
    """Where a descent ended, its weights in float64, and the evaluations that it took."""

    model: TokenModel
    evaluations: int


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
    used = np.unique(task.answers)
    if len(used) == 1:
        used = np.array([used[0], (used[0] + 1) % task.vocabulary_size])
    places = np.searchsorted(np.sort(used), task.answers)
    used = np.sort(used)
    phi = features(model.astype("float32"), task)
    skip = phi[:, : model.embedding_dim].astype(np.float64)
    whitener = whiten(phi)
    if directions is None:
        standing = np.concatenate([np.eye(model.embedding_dim), model.readout])
        start = Readout(np.linalg.solve(whitener, standing), model.unembedding[used])
    else:
        start = first_guess(phi, places, directions)
    objective = logistic(phi, places, start)
    if prior is not None:
        away = np.concatenate(model.split(prior.sequences), axis=1) @ whitener
        objective = _with_prior(objective, away, prior, used, start, rows)

    def finish(flat: np.ndarray) -> TokenModel:
        readout = start.like(flat)
        unembedding = spread(readout.unembedding, used, task.vocabulary_size)
        reached = (phi @ readout.encoder.astype(phi.dtype)).astype(np.float64)
        rowed = replace(model, unembedding=unembedding)  # type: ignore[type-var]
        return absorb(rowed, task, skip, whitener @ readout.encoder, reached)

    return until_right(objective, start.flat, finish, task, dtype, margin)


def descended_whole(model: AttentionOnlyTransformer, task: Associations, dtype: str, margin: float) -> Descended:
    """Descend over all weights, attention and embeddings too, where the readout alone does not hold the facts."""
    from attncap.construct.associations.joint_descent import whole

    unscaled = replace(model, query=model.score_scale * model.query, score_scale=1.0)
    problem = whole(unscaled, task, *answers_of(task))
    return until_right(problem.objective, problem.start, problem.finish, task, dtype, margin, problem.refresh)


def until_right(
    objective: Objective,
    point: Float[np.ndarray, " P"],
    finish: Callable[[np.ndarray], TokenModel],
    task: Associations,
    dtype: str,
    margin: float,
    refresh: Callable[[np.ndarray], int] = lambda point: 0,
) -> Descended:
    """Descend, raising the target until the stored type answers everything, or the descent stalls."""
    target, evaluations = margin, 0
    for _ in range(ROUNDS):
        refresh(point)
        descent = descend(objective, point, target)
        point, evaluations = descent.point, evaluations + descent.evaluations
        model = finish(point)
        lowest = float(measure.margin(model, task, dtype).min())
        if lowest > 0 or descent.margin <= target:
            break
        target = max(2 * target, SAFETY * (descent.margin - lowest))
    return Descended(model, evaluations)


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
