"""Margin mode: random attention, then a low-rank readout trained until every answer leads."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic

import numpy as np
from jaxtyping import Float

from attncap import measure
from attncap.constraints import Count, Seed, checked
from attncap.construct.associations.gauge import absorb
from attncap.construct.associations.random_attention import draw, features
from attncap.construct.associations.readout import M, Problem, answers_of
from attncap.construct.given import Embeddings
from attncap.construct.readouts import free_readout, given_readout, require_readout
from attncap.errors import InputError
from attncap.fits.count import capacity_of, check_shape, least_heads
from attncap.fits.fit import Fit, NotMemorized, shortfall, summarize
from attncap.measure import Recall
from attncap.models import AttentionOnlyTransformer, Perceptron
from attncap.models.precision import DtypeName
from attncap.numerics.bracketing import boundary
from attncap.numerics.lbfgs import descend
from attncap.tasks import Associations

# Soft attention keeps apart sequences that hard attention confuses; nothing here needs well conditioned features.
BETA = 3.0
# Where the certificate was missed, a margin this many times its bound is asked for next.
SAFETY = 1.5
ROUNDS = 5
# Where the number of heads is free, the largest that failed is within a sixteenth of the smallest that succeeded.
RESOLUTION = 1 / 16


@dataclass(frozen=True)
class Attempt(Generic[M]):
    """What one number of heads came to."""

    model: M
    recall: Recall
    evaluations: int
    joint_evaluations: int = 0


@checked
def margin(
    task: Associations,
    embedding_dim: Count = 64,
    head_dim: Count | None = None,
    heads: Count | None = None,
    *,
    query_key_rank: Count | None = None,
    dtype: DtypeName = "float32",
    seed: Seed = 0,
    train_attention: bool = False,
    certify: bool = False,
    embeddings: Embeddings | None = None,
) -> Fit:
    r"""Memorize a task with fewer heads than Theorem 1 needs, by asking only that every answer has the largest logit.

    The attention is drawn at random, as in theorem mode. On its features $M = [X\ Z]$, whitened to $\Phi$, the readout
    $\Phi B W^\top$ starts from least squares on random directions of the answers and descends the logistic loss over
    $B$ and $W$ together (L-BFGS) until the smallest margin is positive, then until the recall in ``dtype`` is
    certified in the arithmetic of that type, or the descent stalls: then it is measured, in the orders that the fit
    names. $B$ becomes the output matrices and the gauge of the skip, $W$ the unembedding;
    its rows are centred, so that a token that is never an answer, with a row of zeros, has the mean logit of all
    answers and cannot win.

    Args:
        task: what to memorize.
        embedding_dim: $d$, at least 2.
        head_dim: $d_h \le d$; $d$ by default.
        heads: $H$; by default the smallest number that a bracketing search finds (within a sixteenth).
        query_key_rank: rank of each $W_Q^\top W_K$, 1 to $d_h$, the default.
        dtype: the type whose recall must be exact.
        seed: of every random draw.
        train_attention: where the readout falls short, go on over all parameters, attention and embeddings too.
        certify: take only heads with which every answer is certified (`attncap.measure.certify`).
        embeddings: given ones; only the output matrices are then fitted, which is a convex problem, and a descent that
            converged short of the task proves that heads with these scores do not hold it.

    Returns:
        The verified fit; its details hold the evaluations of the loss and, after a search, the bracket of heads
        (largest that failed, smallest that succeeded).

    Raises:
        InputError: a shape that no model has.
        NotMemorized: an answer was not reached, or not certified where that is asked, with the numbers.
        UnmetError: not enough memory.

    Example:
        >>> from attncap.tasks import random_associations
        >>> task = random_associations(vocabulary=50, context=3, count=540)
        >>> fit = margin(task, embedding_dim=10, heads=11)
        >>> fit.capacity["rank"], fit.recall["float32"].accuracy
        (120, 1.0)

    Source: this project's, from the features of Dana, Pydi, Chevaleyre 2025 (arXiv 2411.10115).
    """
    started = time.perf_counter()
    head_dim = embedding_dim if head_dim is None else head_dim
    check_shape(embedding_dim, head_dim, heads, dtype, query_key_rank)
    if embeddings is not None:
        embeddings.check(task, embedding_dim)
        if train_attention:
            raise InputError("train_attention", "no embeddings with it; method joint takes them", "both")

    def attempt(number: int) -> Attempt[AttentionOnlyTransformer]:
        model = draw(task, embedding_dim, head_dim, number, BETA, seed, query_key_rank, embeddings)
        if embeddings is not None:
            return until_certified(given_readout(model, task), task, dtype)
        return attempted(task, model, dtype, train_attention)

    if heads is None:
        found, bracket = _fewest(task, embedding_dim, head_dim, attempt, certify)
    else:
        found, bracket = attempt(heads), None
    if not _holds(found.recall, task, certify):
        raise NotMemorized(shortfall(found.recall, task, dtype, found.model.heads))
    details: dict[str, Any] = {"beta": BETA, "evaluations": found.evaluations}
    details |= {"joint_evaluations": found.joint_evaluations} if embeddings is None else {"embeddings": "given"}
    return summarize(
        found.model,
        task,
        dtype,
        method="margin",
        capacity=capacity_of(task, embedding_dim, head_dim, found.model.heads),
        seed=seed,
        details=details if bracket is None else {**details, "heads_bracket": list(bracket)},
        seconds=time.perf_counter() - started,
        given=embeddings is not None,
    )


def _holds(recall: Recall, task: Associations, certify: bool) -> bool:
    return bool(recall.certified) if certify else recall.correct == task.associations


def _fewest(
    task: Associations, embedding_dim: int, head_dim: int, attempt: Callable[[int], Attempt[M]], certify: bool
) -> tuple[Attempt[M], tuple[int, int | None]]:
    best: dict[int, Attempt[M]] = {}

    def fails(heads: int) -> bool:
        best[heads] = attempt(heads)
        return not _holds(best[heads].recall, task, certify)

    # With as many features as associations more heads add nothing.
    enough = math.ceil(task.associations / head_dim) + 1
    try:
        expected = least_heads(task, embedding_dim, head_dim, bound="margin")
    except NotMemorized:
        expected = 1
    bracket = boundary(fails, expected, enough, RESOLUTION)
    return best[bracket[1] or bracket[0]], bracket


def attempted(
    task: Associations, model: AttentionOnlyTransformer, dtype: str, train_attention: bool
) -> Attempt[AttentionOnlyTransformer]:
    """Descend on the readout of a drawn model, and over all of it where that falls short and is asked for."""
    problem = _readout(model, task)
    found = until_certified(problem, task, dtype)
    if train_attention and found.recall.correct < task.associations:
        from attncap.construct.associations.joint_descent import whole

        # From the first guess: where the readout's own descent stalls, its terms cancel and the next one stalls too.
        everything = whole(problem.finish(problem.start), task, *answers_of(task))
        everything.refresh(everything.start)
        trained = until_certified(everything, task, dtype)
        found = replace(trained, evaluations=found.evaluations, joint_evaluations=trained.evaluations)
    return found


def until_certified(problem: Problem[M], task: Associations, dtype: str) -> Attempt[M]:
    """Descend until the recall is certified, raising the margin to what the certificate was found to need.

    A perceptron, which has no certificate, is descended until every answer is right.
    """
    point, target, evaluations, best = problem.start, 0.0, 0, None
    for _ in range(ROUNDS):
        descent = descend(problem.objective, point, target)
        point, evaluations = descent.point, evaluations + descent.evaluations
        model = problem.finish(point)
        recall = measure.verify(model, task, (dtype,))[dtype]
        if best is None or _order(recall) >= _order(best.recall):
            best = Attempt(model, recall, evaluations)
        if recall.certified or descent.margin <= target:
            break
        if isinstance(model, Perceptron) and recall.correct == task.associations:
            break
        # Without a certificate, because an answer is wrong, twice what rounding moved a logit is a start.
        needed = recall.needed or 2 * (recall.deviation or 0.0)
        target = max(descent.margin, SAFETY * needed)
    assert best is not None
    return replace(best, evaluations=evaluations)


def _order(recall: Recall) -> tuple[int, bool, int]:
    """Rank recalls by answers that are right, then by orders in which they were, then by those that are proved."""
    return recall.correct, bool(recall.certified), len(recall.measured)


def _readout(model: AttentionOnlyTransformer, task: Associations) -> Problem[AttentionOnlyTransformer]:
    """Pose the readout of the model's own features as a problem in $(B, W)$."""
    require_readout(model, task)
    phi = features(model.astype("float32"), task)
    skip = phi[:, : model.embedding_dim].astype(np.float64)

    def written(
        model: AttentionOnlyTransformer, readout: Float[np.ndarray, "F d"], whitened: Float[np.ndarray, "F d"]
    ) -> AttentionOnlyTransformer:
        return absorb(model, task, skip, readout, (phi @ whitened.astype(phi.dtype)).astype(np.float64))

    return free_readout(model, task, phi, written)
