"""Ways to draw the heads, from the cheapest, until rounding the solved weights costs nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from attncap.construct.associations.random_attention import BETAS, choose_beta, draw, select_heads
from attncap.models import AttentionOnlyTransformer
from attncap.numerics.linear import expect_solve
from attncap.numerics.memory import require
from attncap.tasks import Associations

# At the full count the solve is too badly conditioned for bfloat16's 8 bits; a tenth below it is not.
SLACK = {"float64": 1.0, "float32": 1.0, "bfloat16": 1.1}
POOL = 4
POOL_BYTES = 2e9
EXTRA_HEADS = 4


@dataclass(frozen=True)
class Attempt:
    """One way to draw the heads: how many, how hard their attention, and out of a pool or not."""

    heads: int
    beta: float
    pool: bool


def attempts(
    task: Associations,
    embedding_dim: int,
    head_dim: int,
    heads: int,
    free: bool,
    seed: int,
    query_key_rank: int | None = None,
) -> Iterator[Attempt]:
    """Yield ways to draw the heads, from the cheapest; more heads than asked only if their number is free."""
    _require(task, embedding_dim, head_dim, heads)
    beta = choose_beta(task, embedding_dim, head_dim, heads, seed, query_key_rank)
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
    task: Associations,
    embedding_dim: int,
    head_dim: int,
    attempt: Attempt,
    seed: int,
    query_key_rank: int | None = None,
) -> AttentionOnlyTransformer:
    """Draw the attention of an attempt, once the memory that solving for its readout takes is known to be there."""
    drawn = attempt.heads * (POOL if attempt.pool else 1)
    _require(task, embedding_dim, head_dim, drawn)
    model = draw(task, embedding_dim, head_dim, drawn, attempt.beta, seed, query_key_rank)
    return select_heads(model, task, attempt.heads) if attempt.pool else model


def _require(task: Associations, embedding_dim: int, head_dim: int, heads: int) -> None:
    rows, columns = task.associations, embedding_dim + heads * head_dim
    require(8.0 * rows * (columns + rows) * 1.2, f"solving {rows:,} x {columns:,}")
    expect_solve(rows, columns)
