"""Theorem mode: random attention, then one linear solve for the output matrices."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attncap.construct.associations.gauge import absorb
from attncap.construct.associations.random_attention import BETAS, choose_beta, draw, features, select_heads
from attncap.fits.count import capacity_of, check_shape, least_heads
from attncap.fits.fit import Fit, NotMemorized, shortfall, summarize
from attncap.models import AttentionOnlyTransformer
from attncap.numerics.linear import minimum_norm
from attncap.numerics.memory import require
from attncap.progress import bar
from attncap.tasks import Associations

# At the full count the solve is too badly conditioned for bfloat16's 8 bits; a tenth below it is not.
SLACK = {"float64": 1.0, "float32": 1.0, "bfloat16": 1.1}
POOL = 4
POOL_BYTES = 2e9
EXTRA_HEADS = 4
# A light skip column leaves the system to the heads, so that W_0 stays near the identity that the model has.
SKIP_WEIGHT = 0.1


@dataclass(frozen=True)
class Attempt:
    """One way to draw the heads: how many, how hard their attention, and out of a pool or not."""

    heads: int
    beta: float
    pool: bool


def theorem(
    task: Associations,
    embedding_dim: int = 64,
    head_dim: int | None = None,
    heads: int | None = None,
    *,
    dtype: str = "float32",
    seed: int = 0,
) -> Fit:
    r"""Construct weights that memorize a task exactly, as Theorem 1 promises.

    $H d_h + d$ random features a sequence carry as many associations: with the skip rows $X$ and the heads' value
    outputs $Z$, the output matrices and the gauge of the skip solve $X W_0 + Z W_O = E$, where $E$ holds the
    unembedding row of each answer. Where rounding to ``dtype`` costs an answer, heads are chosen out of a pool of
    `POOL` times as many, and, if their number is free, added.

    Args:
        task: what to memorize.
        embedding_dim: $d$, at least 2.
        head_dim: $d_h \le d$; $d$ by default.
        heads: $H$; by default the smallest number that the corrected count allows, with a tenth more for bfloat16.
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

    Source: Dana, Pydi, Chevaleyre 2025, Theorem 1 and Corollary 1 (arXiv 2411.10115); the gauge, the scan of the
    attention temperature and the pool are this project's.
    """
    started = time.perf_counter()
    head_dim = embedding_dim if head_dim is None else head_dim
    check_shape(embedding_dim, head_dim, heads, dtype)
    least = least_heads(task, embedding_dim, head_dim, SLACK[dtype])
    if heads is not None and (held := capacity_of(task, embedding_dim, head_dim, heads)["rank"]) < task.associations:
        needed = least_heads(task, embedding_dim, head_dim, 1.0)
        raise NotMemorized(
            f"{heads} heads hold {held:,} associations of {task.name}, which has {task.associations:,}; "
            f"give at least {needed} heads, a larger embedding dimension, or method margin"
        )
    fit = None
    for attempt in attempts(task, embedding_dim, head_dim, heads or least, heads is None, seed):
        model = _solve(task, embedding_dim, head_dim, attempt, seed)
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


def attempts(
    task: Associations, embedding_dim: int, head_dim: int, heads: int, free: bool, seed: int
) -> Iterator[Attempt]:
    """Yield ways to draw the heads, from the cheapest; more heads than asked only if their number is free."""
    beta = choose_beta(task, embedding_dim, head_dim, heads, seed)
    yield Attempt(heads, beta, pool=False)
    affordable = 8 * task.associations * (POOL * heads * head_dim) < POOL_BYTES
    if affordable:
        yield Attempt(heads, beta, pool=True)
        if beta != BETAS[-1]:
            yield Attempt(heads, BETAS[-1], pool=True)
    if free:
        yield Attempt(heads + EXTRA_HEADS, beta, pool=affordable)
        yield Attempt(heads + max(EXTRA_HEADS, heads // 10), beta, pool=False)


def attention_of(
    task: Associations, embedding_dim: int, head_dim: int, attempt: Attempt, seed: int
) -> AttentionOnlyTransformer:
    """Draw the attention of an attempt, once the memory that solving for its readout takes is known to be there."""
    drawn = attempt.heads * (POOL if attempt.pool else 1)
    columns = embedding_dim + drawn * head_dim
    needed = 8.0 * task.associations * (columns + task.associations) * 1.2
    require(needed, f"solving {task.associations:,} x {columns:,}")
    model = draw(task, embedding_dim, head_dim, drawn, attempt.beta, seed)
    return select_heads(model, task, attempt.heads) if attempt.pool else model


def balance(matrix: Float[np.ndarray, "T F"], dim: int) -> Float[np.ndarray, " F"]:
    r"""Scale the columns of $[X\ Z]$ to unit norm, those of $X$ to less, in place; return the factors."""
    scale = 1 / np.linalg.norm(matrix, axis=0)
    scale[:dim] *= SKIP_WEIGHT
    matrix *= scale
    return scale


def _solve(
    task: Associations, embedding_dim: int, head_dim: int, attempt: Attempt, seed: int
) -> AttentionOnlyTransformer:
    model = attention_of(task, embedding_dim, head_dim, attempt, seed)
    matrix = features(model, task)
    skip = matrix[:, :embedding_dim].copy()
    scale = balance(matrix, embedding_dim)
    # Solved for the departure from the identity, the skip coefficient that needs no gauge.
    with bar(f"solve {len(matrix):,} x {matrix.shape[1]:,} in {8e-9 * len(matrix) * sum(matrix.shape):.1f} GB"):
        departure = minimum_norm(matrix, model.unembedding[task.answers] - skip)
    solution = np.eye(len(departure), embedding_dim) + scale[:, None] * departure
    return absorb(model, task, skip, solution, reached=skip + matrix @ departure)
