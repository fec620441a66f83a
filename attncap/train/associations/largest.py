"""How much gradient descent memorizes: the largest task that a shape reaches the target on."""

import time
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from attncap import bounds
from attncap.constraints import Count, Positive, Range, Seed, checked
from attncap.fits.capacity import Capacity
from attncap.numerics.bracketing import TRIED, boundary
from attncap.numerics.budget import expect
from attncap.result import several
from attncap.tasks import random_associations
from attncap.train.associations.architecture import Architecture
from attncap.train.associations.problem import Lane, Trained
from attncap.train.loop.cost import lane_seconds
from attncap.train.loop.lanes import train
from attncap.train.loop.recipes import Recipe
from attncap.train.loop.recipes import recipe as named

# Where the search begins, in multiples of the theorem's count: trained models hold several times what it promises.
EXPECTED = 4


@dataclass(frozen=True)
class TrainedCapacity(Capacity):
    """What a shape holds when trained: the largest task on which the median seed reaches the target.

    Attributes:
        recipe: how the models were trained.
        target: accuracy that counts as memorized.
        tried: mean accuracy at each number tried.
    """

    recipe: str
    target: float
    tried: dict[int, float]


@checked
def capacity(
    vocabulary: Count,
    context: Count,
    embedding_dim: Count,
    head_dim: Count | None = None,
    heads: Count = 1,
    *,
    target: Annotated[float | int, Range(1e-9, 1)] = 1.0,
    recipe: str | Recipe = "best",
    steps: Count | None = None,
    seeds: Count = 5,
    seed: Seed = 0,
    resolution: Positive = 0.02,
) -> TrainedCapacity:
    """Search for the largest number of random associations that training memorizes.

    Every number starts from its own draw: models of another number are a worse start (docs/train.md).

    Args:
        vocabulary: $N$.
        context: $S$.
        embedding_dim: $d$.
        head_dim: $d_h$; $d$ by default.
        heads: $H$.
        target: accuracy, over the whole task, that counts as memorized.
        recipe: how to train.
        steps: optimizer steps; the recipe's by default.
        seeds: tasks and models at each number; the median decides.
        seed: the first of them.
        resolution: width of the final bracket, over the capacity.

    Returns:
        The capacity, beside what theory promises.

    Raises:
        InputError: a shape that no model has, or a target outside (0, 1].

    Example:
        >>> found = capacity(vocabulary=10, context=2, embedding_dim=3, heads=1, steps=512, seeds=1, resolution=0.3)
        >>> found.theorem < found.capacity <= 100
        True
    """
    chosen = named(recipe) if isinstance(recipe, str) else recipe
    chosen = chosen if steps is None else replace(chosen, steps=steps)
    if target == 1:
        # Where all must be memorized, nothing may be forgotten.
        chosen = replace(chosen, forget_from=1.0)
    head_dim = embedding_dim if head_dim is None else head_dim
    shape = Architecture(vocabulary, context, embedding_dim, head_dim, heads)
    started, numbers = time.perf_counter(), range(seed, seed + seeds)
    trials: dict[int, list[Trained]] = {}

    def lanes_of(count: int) -> list[Lane]:
        return [Lane(random_associations(vocabulary, context, count, number), shape, number) for number in numbers]

    def holds(count: int) -> bool:
        trials[count] = train(lanes_of(count), chosen).models
        return float(np.median([one.recall for one in trials[count]])) >= target

    theorem, rank = (int(bounds.value(bound, **shape.quantities)) for bound in ("dana2025", "corrected"))
    begin = min(EXPECTED * theorem, vocabulary**context)
    each = lane_seconds(lanes_of(begin)[0].problem(chosen), chosen.steps)
    expect(TRIED * seeds * each, f"a search of some {TRIED} numbers, each with {several(seeds, 'model')}")
    low, high = boundary(holds, begin, vocabulary**context, resolution)
    reached = [
        max((count for count, models in trials.items() if models[index].recall >= target), default=0)
        for index in range(seeds)
    ]
    held = trials[low] if low else []
    return TrainedCapacity(
        kind="associations",
        method="train",
        capacity=low,
        bracket=(low, high),
        theorem=theorem,
        rank=rank,
        ratio=low / rank,
        bits=float(np.mean([one.bits for one in held] or [0.0])),
        bits_per_parameter=float(np.mean([one.bits_per_parameter for one in held] or [0.0])),
        seeds=tuple(reached),
        dtype="float32",
        certified=False,
        seconds=time.perf_counter() - started,
        recipe=chosen.name,
        target=float(target),
        tried={count: float(np.mean([one.recall for one in models])) for count, models in sorted(trials.items())},
    )
