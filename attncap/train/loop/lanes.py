"""Models trained side by side: each lane has its data, its size and its seed, and ends as if it were alone."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Generic

import jax
import numpy as np
from jaxtyping import Float, Int

from attncap.errors import InputError, UnmetError
from attncap.numerics.budget import expect
from attncap.numerics.memory import require
from attncap.progress import bar
from attncap.result import Result, several
from attncap.train.loop.cost import lane_bytes, lane_seconds
from attncap.train.loop.looks import Checkpoint, Look, Looks, checkpoints
from attncap.train.loop.problem import Data, Lane, Problem, Report, TrainedT
from attncap.train.loop.program import Segment, State, compiled, one_by_one, start
from attncap.train.loop.recipes import Recipe, forgetting, rates

PACK_BYTES = 1 << 30
# A fixed number whatever is asked for: other numbers compile to other programs, with other last bits.
LANES = 40


@dataclass(frozen=True)
class History(Result):
    """Every step of every model: loss and accuracy on what the step trained on, before its update."""

    loss: Float[np.ndarray, "steps K"]
    accuracy: Float[np.ndarray, "steps K"]


@dataclass(frozen=True)
class Run(Generic[TrainedT]):
    """What `train` returns: the models in the order of the lanes, every step, weights on the way and looks of each."""

    models: list[TrainedT]
    history: History
    checkpoints: list[list[Checkpoint]]
    looks: list[list[Look]]
    seconds_compile: float
    seconds_train: float


def train(lanes: Sequence[Lane[TrainedT]], recipe: Recipe, *, every: int = 0) -> Run[TrainedT]:
    """Train models side by side.

    Args:
        lanes: models whose `Problem` is the same.
        recipe: how.
        every: segments between two checkpoints of a model's weights; none by default.

    Returns:
        The models, in the order of the lanes.

    Raises:
        InputError: lanes that need different programs.
        UnmetError: more memory than there is, or a loss that is not finite.
    """
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        return _train(lanes, recipe, every)


def _train(lanes: Sequence[Lane[TrainedT]], recipe: Recipe, every: int) -> Run[TrainedT]:
    # How many steps there are changes no program.
    alike = {lane.problem(replace(recipe, steps=1)) for lane in lanes}
    if len(alike) != 1:
        raise InputError(f"train: {len(alike)} different programs among {len(lanes)} lanes; expected one")
    problem = alike.pop()
    # The steps too may depend on how many examples there are.
    recipe = lanes[0].problem(recipe).recipe
    each, width = lane_bytes(problem), problem.lanes
    if not one_by_one():
        width = max(1, min(LANES, PACK_BYTES // each))
        each *= width
    require(float(each), f"training on {several(problem.rows, 'example')}")
    # Two rates and each model's loss and accuracy, at every step.
    require(8.0 * recipe.steps * (1 + len(lanes)), several(recipe.steps, "step"), "choose fewer steps or seeds")
    seconds = len(lanes) * lane_seconds(problem, recipe.steps)
    expect(seconds, f"training {several(len(lanes), 'model')}", "choose fewer steps or seeds")
    runs = [train_pack(problem, lanes[i : i + width], width, recipe, every) for i in range(0, len(lanes), width)]
    return Run(
        [one for run in runs for one in run.models],
        History(*(joined([getattr(run.history, name) for run in runs]) for name in ("loss", "accuracy"))),
        [each for run in runs for each in run.checkpoints],
        [each for run in runs for each in run.looks],
        sum(run.seconds_compile for run in runs),
        sum(run.seconds_train for run in runs),
    )


def joined(parts: list[Float[np.ndarray, "_ _"]]) -> Float[np.ndarray, "steps K"]:
    """Put packs side by side; those that stopped earlier keep their last value."""
    longest = max(map(len, parts))
    return np.concatenate([np.pad(part, ((0, longest - len(part)), (0, 0)), mode="edge") for part in parts], axis=1)


def train_pack(
    problem: Problem[Any, TrainedT], lanes: Sequence[Lane[TrainedT]], width: int, recipe: Recipe, every: int
) -> Run[TrainedT]:
    """Train as many lanes as one compiled program takes; copies of the last, which never start, fill it up."""
    filled = [*lanes, *[lanes[-1]] * (width - len(lanes))]
    data = jax.device_put(stacked([problem.data(lane) for lane in filled]))
    state = start(problem.recipe, stacked([problem.start(lane) for lane in filled]), len(lanes), width)
    upcoming = segments(problem, filled, recipe)
    first = next(upcoming)
    loop = compiled(problem, state, data, first)
    looks = Looks(problem, data, len(lanes))
    if recipe.evaluate:
        state = looks.take(state, 0.0)
    started = time.perf_counter()
    reports: list[Report] = []
    ways = [[one] for one in checkpoints(state, len(lanes))]
    size = recipe.segment
    with bar(f"train {several(len(lanes), 'model')}", recipe.steps) as advance:
        for number, segment in enumerate(chain([first], upcoming)):
            state, report = loop.run(state, data, segment)
            reports.append(jax.tree.map(np.asarray, report))
            check_finite(reports[-1], lanes, number * size)
            advance(min(size, recipe.steps - number * size))
            over = (number + 1) * size >= recipe.steps or stopped(state, recipe)
            if recipe.evaluate and (over or (number + 1) % max(1, recipe.evaluate // size) == 0):
                state = looks.take(state, time.perf_counter() - started)
            ended = stopped(state, recipe)
            if ended or over or (every and (number + 1) % every == 0):
                for way, one in zip(ways, checkpoints(state, len(lanes)), strict=True):
                    way.extend([one] if one.steps > way[-1].steps else [])
            if ended:
                break
    seconds = time.perf_counter() - started
    history = told(reports, np.array([way[-1].steps for way in ways]), recipe)
    kept = [best or way[-1] for best, way in zip(looks.best, ways, strict=True)]
    models = [
        problem.measure(lane, one.tensors, history.accuracy[:, k], one.steps)
        for k, (lane, one) in enumerate(zip(lanes, kept, strict=True))
    ]
    return Run(models, history, ways, looks.seen, loop.seconds, seconds)


def stopped(state: State, recipe: Recipe) -> bool:
    """Tell whether every model has stopped."""
    return bool(recipe.stop and np.asarray(state.done).all())


def stacked(parts: Sequence[Data], axis: int = 0) -> Data:
    """Put the lanes' arrays side by side; those of a lane alone are not copied."""
    if len(parts) == 1:
        return jax.tree.map(lambda leaf: np.expand_dims(leaf, axis), parts[0])
    return jax.tree.map(lambda *leaves: np.stack(leaves, axis), *parts)


def segments(problem: Problem[Any, Any], lanes: Sequence[Lane[Any]], recipe: Recipe) -> Iterator[Segment]:
    """Yield what the steps of each segment take; those beyond the recipe's have rate zero and change nothing."""
    size = recipe.segment
    rate, forget = np.zeros((2, -(-recipe.steps // size) * size), np.float32)
    rate[: recipe.steps], forget[: recipe.steps] = rates(recipe, recipe.steps), forgetting(recipe, recipe.steps)
    feeds = [problem.feed(lane) for lane in lanes]
    for begin in range(0, len(rate), size):
        part = slice(begin, begin + size)
        yield Segment(rate[part], forget[part], stacked([next(feed) for feed in feeds], axis=1))


def check_finite(report: Report, lanes: Sequence[Lane[Any]], begin: int) -> None:
    """Raise at the first segment in which a loss is not finite."""
    for lane, finite in zip(lanes, np.isfinite(report.loss).all(axis=0), strict=False):
        if not finite:
            raise UnmetError(
                f"the loss of seed {lane.seed} is not finite after {several(begin, 'step')}; lower the rate"
            )


def told(reports: Sequence[Report], steps: Int[np.ndarray, " K"], recipe: Recipe) -> History:
    """Join the reports of the segments; a model that has stopped keeps what it reported last."""
    loss, accuracy = (np.concatenate([getattr(one, name) for one in reports]) for name in ("loss", "accuracy"))
    last = np.minimum(np.arange(min(len(loss), recipe.steps))[:, None], steps)
    return History(*(np.take_along_axis(column[:, : len(steps)], last, axis=0) for column in (loss, accuracy)))
