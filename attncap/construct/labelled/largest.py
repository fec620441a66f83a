"""The largest number of random examples that a layer memorizes."""

import statistics
import time
from dataclasses import dataclass, replace

import numpy as np

from attncap.constraints import Count, Seed, checked
from attncap.construct.labelled.count import capacity_of, check_layer
from attncap.construct.labelled.fit import FITTED
from attncap.construct.labelled.layer import check_method, solved
from attncap.errors import InputError
from attncap.measure.examples import predicted, residual
from attncap.numerics.bracketing import boundary
from attncap.numerics.rank import rank
from attncap.progress import track
from attncap.result import Result
from attncap.tasks import Examples, random_examples


@dataclass(frozen=True)
class ExamplesCapacity(Result):
    r"""The largest number of random examples that a layer memorizes, found by bracketing.

    Attributes:
        capacity: the largest T memorized with the median seed; of an even number of seeds, the lower one.
        bracket: that T, and the smallest T that was not memorized with this seed.
        theorem: $H(\min(n, d_h) - 1) + 1$.
        rank: of the attention features, measured on $H d + 1$ examples; that of the median seed.
        shared_limit: $H(n-1) + 1$, the most that fixed scores hold of a shared context.
        features: $H d$, the most that they hold of any.
        proved: the most that chosen scores are proved to hold.
        degrees_of_freedom: beyond which almost no labels fit, whatever the scores.
        seeds: the largest T of each seed.
        seconds: wall time.
    """

    capacity: int
    bracket: tuple[int, int]
    theorem: int
    rank: int
    shared_limit: int
    features: int
    proved: int
    degrees_of_freedom: int
    seeds: list[int]
    seconds: float

    @property
    def cites(self) -> tuple[str, ...]:
        """The bounds beside it, and this project's measured rank."""
        return ("mahdavi2024", "mahdavi2024-shared", "attncap")


@checked
def examples_capacity(
    context: Count,
    embedding_dim: Count,
    head_dim: Count | None = None,
    heads: Count = 1,
    *,
    method: str = "lstsq",
    shared: bool = False,
    seeds: Count = 3,
    seed: Seed = 0,
) -> ExamplesCapacity:
    r"""Search for the largest number of random examples with real labels that a layer of this shape memorizes.

    Args:
        context: $n$.
        embedding_dim: $d$.
        head_dim: $d_h$; $d$ by default.
        heads: $H$.
        method: "theorem", "lstsq" or "chosen".
        shared: whether all examples have one context.
        seeds: how many tasks and layers to draw.
        seed: the first.

    Returns:
        The capacity beside the counts that it should meet.

    Raises:
        InputError: a shape that no layer has.

    Example:
        >>> found = examples_capacity(context=4, embedding_dim=8, heads=3, shared=True)
        >>> found.capacity, found.rank, found.shared_limit, found.bracket
        (10, 10, 10, (10, 11))
    """
    started = time.perf_counter()
    head_dim = embedding_dim if head_dim is None else head_dim
    for name, size in (("context", context), ("embedding_dim", embedding_dim), ("seeds", seeds)):
        if size < 1:
            raise InputError(name, "at least 1", size)
    check_layer(embedding_dim, head_dim, heads)
    check_method(method)
    counts = capacity_of(random_examples(2, context, embedding_dim, shared=shared), head_dim, heads)
    most = counts["degrees_of_freedom" if method == "chosen" else "features"]
    found, ranks = [], []
    for draw in track(range(seed, seed + seeds), "seeds"):
        task = random_examples(most + 1, context, embedding_dim, shared=shared, seed=draw)
        found.append(largest_memorized(task, head_dim, heads, method, draw))
        ranks.append(rank(solved(task, head_dim, heads, "lstsq", np.random.default_rng(draw))[1]))
    capacity = statistics.median_low(found)
    return ExamplesCapacity(
        capacity=capacity,
        bracket=(capacity, capacity + 1),
        theorem=counts["theorem"],
        rank=statistics.median_low(ranks),
        shared_limit=counts["shared"],
        features=counts["features"],
        proved=counts["proved"],
        degrees_of_freedom=counts["degrees_of_freedom"],
        seeds=found,
        seconds=time.perf_counter() - started,
    )


def largest_memorized(task: Examples, head_dim: int, heads: int, method: str, seed: int) -> int:
    """Search for the most of the task's first examples that a layer memorizes; the task itself is too large."""

    def holds(count: int) -> bool:
        first = replace(task, contexts=task.contexts[:count], queries=task.queries[:count], labels=task.labels[:count])
        layer, _ = solved(first, head_dim, heads, method, np.random.default_rng(seed))
        return residual(predicted(layer, first.contexts, first.queries), first.labels) <= FITTED

    counts = capacity_of(task, head_dim, heads)
    expected = {"theorem": "theorem", "chosen": "proved"}.get(method, "shared" if task.shared else "features")
    limit = min(task.count - 1, counts["theorem"]) if method == "theorem" else task.count - 1
    return boundary(holds, counts[expected], limit)[0]
