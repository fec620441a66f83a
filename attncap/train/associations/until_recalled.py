"""Weights that gradient descent found to recall a whole task, verified like constructed ones."""

import time
from dataclasses import replace

from attncap import measure
from attncap.constraints import Count, Seed, checked
from attncap.fits.count import capacity_of, check_shape, least_heads
from attncap.fits.fit import Fit, NotMemorized, shortfall, summarize
from attncap.models.precision import DtypeName
from attncap.tasks import Associations
from attncap.train.associations.architecture import Architecture
from attncap.train.associations.problem import Lane
from attncap.train.loop.lanes import train
from attncap.train.loop.recipes import BEST

SEEDS = 5


@checked
def memorize(
    task: Associations,
    embedding_dim: Count = 64,
    head_dim: Count | None = None,
    heads: Count | None = None,
    *,
    dtype: DtypeName = "float32",
    steps: Count = BEST.steps,
    seed: Seed = 0,
) -> Fit:
    """Train five models side by side until they recall a task, and keep the one that recalls most.

    The recipe is "best" without forgetting: everything is to be memorized.

    Args:
        task: what to memorize.
        embedding_dim: $d$, at least 2.
        head_dim: $d_h$; $d$ by default.
        heads: $H$; by default as many as margin mode is known to need.
        dtype: the type whose recall must be exact.
        steps: optimizer steps; a model stops at the first that recalls the task.
        seed: of the first model.

    Returns:
        The verified fit.

    Raises:
        InputError: a shape that no model has.
        NotMemorized: no model recalls the whole task.
        UnmetError: not enough memory.

    Example:
        >>> from attncap.tasks import random_associations
        >>> fit = memorize(random_associations(10, 2, 40), embedding_dim=8, heads=2)
        >>> fit.method, fit.recall["float32"].accuracy
        ('train', 1.0)
    """
    started = time.perf_counter()
    head_dim = embedding_dim if head_dim is None else head_dim
    check_shape(embedding_dim, head_dim, heads, dtype)
    heads = heads or least_heads(task, embedding_dim, head_dim, bound="margin")
    shape = Architecture(task.vocabulary_size, task.context, embedding_dim, head_dim, heads)
    run = train(
        [Lane(task, shape, seed + number) for number in range(SEEDS)], replace(BEST, forget_from=1.0, steps=steps)
    )
    recalls = [measure.verify(one.model, task, (dtype,))[dtype] for one in run.models]
    best = max(range(SEEDS), key=lambda index: (recalls[index].correct, recalls[index].min_margin))
    if recalls[best].correct < task.associations:
        raise NotMemorized(shortfall(recalls[best], task, dtype, heads))
    return summarize(
        run.models[best].model,
        task,
        dtype,
        method="train",
        capacity=capacity_of(task, embedding_dim, head_dim, heads),
        seed=seed + best,
        details={"recipe": BEST.name, "steps": run.models[best].steps},
        seconds=time.perf_counter() - started,
    )
