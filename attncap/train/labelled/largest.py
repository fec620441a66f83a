"""How many labelled examples gradient descent memorizes: the largest task on which a layer reaches a target."""

import statistics
import time
from dataclasses import dataclass, replace
from typing import Annotated, Any

from attncap.constraints import Count, Natural, Positive, Range, Seed, checked
from attncap.construct.labelled.count import capacity_of
from attncap.errors import InputError
from attncap.numerics.bracketing import TRIED, boundary
from attncap.numerics.budget import expect
from attncap.result import Result, several
from attncap.tasks import uniform_examples
from attncap.tasks.uniform import Contexts
from attncap.train.labelled.architecture import LayerArchitecture
from attncap.train.labelled.problem import Lane, TrainedLayer
from attncap.train.labelled.recipes import Recipe, recipe_of
from attncap.train.loop.cost import lane_seconds
from attncap.train.loop.lanes import train


@dataclass(frozen=True)
class TrainedExamplesCapacity(Result):
    r"""The largest number of uniform examples that trained layers of a shape memorize.

    Attributes:
        kind: "examples".
        method: "train".
        capacity: the largest T on which the median seed reaches the target.
        bracket: that T, and the smallest T on which it did not.
        theorem: $H(\min(n, d_h) - 1) + 1$.
        shared_limit: $H(n-1) + 1$, the most real labels that fixed scores hold of a shared context.
        features: $H d$, the most that they hold of any.
        degrees_of_freedom: beyond which almost no real labels fit exactly, whatever the scores, of a layer without
            embedding and decoder.
        seeds: the largest T of each seed.
        target: accuracy (classes) or $R^2$ (real labels) that counts as memorized.
        recipe: how the layers were trained.
        tried: mean accuracy at each T.
        parameters: numbers trained.
        bits: at the capacity, the mean over the seeds.
        bits_per_parameter: the same over ``parameters``.
        dtype: "float32".
        seconds: wall time.
    """

    kind: str
    method: str
    capacity: int
    bracket: tuple[int, int | None]
    theorem: int
    shared_limit: int
    features: int
    degrees_of_freedom: int
    seeds: tuple[int, ...]
    target: float
    recipe: str
    tried: dict[int, float]
    parameters: int
    bits: float
    bits_per_parameter: float
    dtype: str
    seconds: float

    @property
    def cites(self) -> tuple[str, ...]:
        """The paper, and this project's recipe and counts."""
        return ("mahdavi2024", "mahdavi2024-shared", "attncap")


@checked
def trained_examples_capacity(
    context: Count,
    embedding_dim: Count,
    head_dim: Count | None = None,
    heads: Count = 1,
    *,
    target: Annotated[float | int, Range(1e-9, 1)] = 0.99,
    classes: Natural = 100,
    contexts: Contexts = "distinct",
    recipe: str | Recipe = "best",
    steps: Count | None = None,
    seeds: Count = 3,
    seed: Seed = 0,
    resolution: Positive = 0.05,
    **parts: Any,
) -> TrainedExamplesCapacity:
    r"""Search for the largest number of uniform examples that training memorizes.

    Args:
        context: $n$.
        embedding_dim: $d$.
        head_dim: $d_h$; $d$ by default.
        heads: $H$.
        target: accuracy of the classes, or $R^2$ of real labels, that counts as memorized; below 1 for real labels.
        classes: of the labels; 0 for real labels.
        contexts: "distinct", "shared" or "permuted".
        recipe: how to train.
        steps: optimizer steps; the recipe's by default.
        seeds: tasks and layers at each number; the median decides.
        seed: the first of them.
        resolution: width of the final bracket, over the capacity.
        parts: what else `LayerArchitecture` takes.

    Returns:
        The capacity, beside what theory counts.

    Raises:
        InputError: a shape that no layer has, or a target outside (0, 1].

    Example:
        >>> found = trained_examples_capacity(3, 4, heads=1, classes=4, target=0.9, steps=512, seeds=1, resolution=0.5)
        >>> found.capacity > found.theorem
        True
    """
    if not classes and target == 1:
        raise InputError("target", "below 1 for real labels", target)
    started, numbers = time.perf_counter(), range(seed, seed + seeds)
    chosen = recipe_of(recipe, steps)
    if target == 1:
        # Where all must be memorized, nothing may be forgotten.
        chosen = replace(chosen, forget_from=1.0)
    d, head_dim = embedding_dim, embedding_dim if head_dim is None else head_dim
    shape = LayerArchitecture(context, d, head_dim, heads, classes or 1, **parts)
    trials: dict[int, list[TrainedLayer]] = {}

    def lanes_of(count: int) -> list[Lane]:
        drawn = [uniform_examples(count, context, d, classes, contexts=contexts, seed=number) for number in numbers]
        return [Lane(task, shape, number) for task, number in zip(drawn, numbers, strict=True)]

    def holds(count: int) -> bool:
        # One after another: each is a program of its own data, and no more than one lies in memory.
        trials[count] = train(lanes_of(count), chosen).models
        return statistics.median(one.accuracy for one in trials[count]) >= target

    counts = capacity_of(uniform_examples(2, context, d, 0, contexts=contexts), min(head_dim, d), heads)
    begin = 2 * counts["theorem"]
    problem = lanes_of(begin)[0].problem(chosen)
    each = lane_seconds(problem, problem.recipe.steps)
    expect(TRIED * seeds * each, f"a search of some {TRIED} numbers, each with {several(seeds, 'layer')}")
    low, high = boundary(holds, begin, None, resolution)
    reached = [
        max((count for count, models in trials.items() if models[index].accuracy >= target), default=0)
        for index in range(seeds)
    ]
    held = trials[low] if low else []
    parameters = next(iter(trials.values()))[0].parameters
    bits = statistics.fmean([one.bits for one in held] or [0.0])
    return TrainedExamplesCapacity(
        kind="examples",
        method="train",
        capacity=low,
        bracket=(low, high),
        theorem=counts["theorem"],
        shared_limit=counts["shared"],
        features=counts["features"],
        degrees_of_freedom=counts["degrees_of_freedom"],
        seeds=tuple(reached),
        target=float(target),
        recipe=chosen.name,
        tried={count: statistics.fmean(one.accuracy for one in models) for count, models in sorted(trials.items())},
        parameters=parameters,
        bits=bits,
        bits_per_parameter=bits / parameters,
        dtype="float32",
        seconds=time.perf_counter() - started,
    )
