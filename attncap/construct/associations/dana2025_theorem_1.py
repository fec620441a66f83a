"""Theorem mode: random attention, then one linear solve for the output matrices."""

import time

from attncap.constraints import Count, Seed, checked
from attncap.construct.associations.attempts import SLACK, attempts, attention_of
from attncap.construct.associations.gauge import absorb
from attncap.construct.associations.linear_system import LinearSystem
from attncap.fits.count import capacity_of, check_shape, least_heads
from attncap.fits.fit import Fit, NotMemorized, shortfall, summarize
from attncap.models import AttentionOnlyTransformer
from attncap.models.precision import DtypeName
from attncap.numerics.linear import minimum_norm
from attncap.progress import bar
from attncap.result import several
from attncap.tasks import Associations


@checked
def theorem(
    task: Associations,
    embedding_dim: Count = 64,
    head_dim: Count | None = None,
    heads: Count | None = None,
    *,
    query_key_rank: Count | None = None,
    dtype: DtypeName = "float32",
    seed: Seed = 0,
) -> Fit:
    r"""Construct weights that memorize a task exactly, as Theorem 1 promises.

    $H d_h + d$ random features a sequence carry as many associations: with the skip rows $X$ and the heads' value
    outputs $Z$, the output matrices and the gauge of the skip solve $X W_0 + Z W_O = E$, where $E$ holds the
    unembedding row of each answer. Where rounding to ``dtype`` costs an answer, heads are chosen out of a pool of
    four times as many, and, if their number is free, added.

    Args:
        task: what to memorize.
        embedding_dim: $d$, at least 2.
        head_dim: $d_h \le d$; $d$ by default.
        heads: $H$; by default the smallest number that the corrected count allows, with a tenth more for bfloat16.
        query_key_rank: rank of each $W_Q^\top W_K$, from 1, which suffices (Remark 2), to $d_h$, the default.
        dtype: the type whose recall must be exact.
        seed: of every random draw.

    Returns:
        The verified fit.

    Raises:
        InputError: a shape that no model has.
        NotMemorized: fewer heads than the count needs, or an answer lost in ``dtype``, with the numbers.
        UnmetError: not enough memory.

    Example:
        >>> from attncap.tasks import random_associations
        >>> fit = theorem(random_associations(vocabulary=50, context=2, count=500), embedding_dim=10)
        >>> fit.shape.heads, fit.recall["float32"].accuracy, fit.certificate["float32"]
        (49, 1.0, True)
        >>> thin = theorem(random_associations(vocabulary=50, context=2, count=500), embedding_dim=10, query_key_rank=1)
        >>> thin.recall["float32"].accuracy, fit.shape.parameters, thin.shape.parameters
        (1.0, 20620, 11800)

    Source: Dana, Pydi, Chevaleyre 2025, Theorem 1, Corollary 1 and Remark 2 (arXiv 2411.10115); the gauge, the scan
    of the attention temperature and the pool are this project's.
    """
    started = time.perf_counter()
    head_dim = embedding_dim if head_dim is None else head_dim
    check_shape(embedding_dim, head_dim, heads, dtype, query_key_rank)
    least = least_heads(task, embedding_dim, head_dim, SLACK[dtype])
    if heads is not None and (held := capacity_of(task, embedding_dim, head_dim, heads)["rank"]) < task.associations:
        needed = least_heads(task, embedding_dim, head_dim, 1.0)
        raise NotMemorized(
            f"{several(heads, 'head', 'hold')} {several(held, 'association')} of {task.name}, "
            f"which has {task.associations:,}; give at least {several(needed, 'head')}, "
            "a larger embedding dimension, or method margin"
        )
    fit = None
    for attempt in attempts(task, embedding_dim, head_dim, heads or least, heads is None, seed, query_key_rank):
        model = _solve(task, attention_of(task, embedding_dim, head_dim, attempt, seed, query_key_rank))
        fit = summarize(
            model,
            task,
            dtype,
            method="theorem",
            capacity=capacity_of(task, embedding_dim, head_dim, attempt.heads),
            seed=seed,
            details={"beta": attempt.beta, "pool": attempt.pool},
            seconds=time.perf_counter() - started,
        )
        if fit.recall[dtype].correct == task.associations:
            return fit
    assert fit is not None
    raise NotMemorized(shortfall(fit.recall[dtype], task, dtype, fit.shape.heads))


def _solve(task: Associations, model: AttentionOnlyTransformer) -> AttentionOnlyTransformer:
    system = LinearSystem.of(model, task)
    matrix, skip = system.matrix, system.skip
    rows, columns = matrix.shape
    with bar(f"solve {rows:,} x {columns:,} in {8e-9 * rows * (rows + columns):.1f} GB"):
        departure = minimum_norm(matrix, model.unembedding[task.answers] - skip)
    return absorb(model, task, skip, system.solution(departure), reached=skip + matrix @ departure)
