"""Models trained side by side: each lane has its task, its heads and its seed, and ends as if it were alone."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import jax
import numpy as np
from jaxtyping import Float, Int

from attncap import measure
from attncap.errors import InputError, UnmetError
from attncap.models import TokenModel
from attncap.numerics.memory import require
from attncap.progress import bar
from attncap.result import Result, hidden
from attncap.tasks import Associations
from attncap.train.associations.architecture import Architecture, Tensors, initial, model, padded, trimmed
from attncap.train.associations.loss import Batch, Report
from attncap.train.loop.cost import lane_bytes
from attncap.train.loop.program import SEGMENT, Program, Segment, State, compiled, one_by_one, start
from attncap.train.loop.recipes import Recipe, forgetting, rates

PACK_BYTES = 1 << 30
# A fixed number whatever is asked for: other numbers compile to other programs, with other last bits.
LANES = {"cpu": 5, "gpu": 40, "tpu": 40}


@dataclass(frozen=True)
class Lane:
    """One model to train: what, with how many heads, from which seed."""

    task: Associations
    shape: Architecture
    seed: int


@dataclass(frozen=True)
class History(Result):
    """Every step of every model: loss (nats), accuracy and bits on what the step trained on, before its update.

    Bits are those at temperature one; `attncap.measure.bits`, which frees the temperature, counts more.
    """

    loss: Float[np.ndarray, "steps K"]
    accuracy: Float[np.ndarray, "steps K"]
    bits: Float[np.ndarray, "steps K"]


@dataclass(frozen=True)
class Trained(Result):
    """One trained model.

    Attributes:
        model: its weights, in float32.
        accuracy: by the recipe's definition.
        recall: share of the whole task that the final weights recall.
        bits: memorized bits of the task.
        bits_per_parameter: over the tensors trained.
        parameters: numbers trained.
        steps: taken before it stopped.
    """

    accuracy: float
    recall: float
    bits: float
    bits_per_parameter: float
    parameters: int
    steps: int
    model: TokenModel = hidden()


@dataclass(frozen=True)
class Run:
    """What `train` returns: the models in the order of the lanes, and every step of each."""

    models: list[Trained]
    history: History
    seconds_compile: float
    seconds_train: float


def program(shape: Architecture, count: int, recipe: Recipe, lanes: int = 0) -> Program:
    """Return the compiled loop that a task of so many associations needs: lanes of one program train side by side."""
    exact_pairs = shape.depth == 1 and shape.context == 2 and 3 * count >= shape.vocabulary**2
    pairs = recipe.batch is None and exact_pairs
    size = shape.vocabulary**2 if pairs else count if recipe.batch else bucket(count)
    return Program(replace(shape, heads=shape.head_bucket), replace(recipe, steps=0), size, lanes, pairs)


def bucket(count: int) -> int:
    """Round a number of sequences up to one of eight sizes an octave."""
    unit = 1 << max(0, count.bit_length() - 4)
    return -(-count // unit) * unit


def train(lanes: Sequence[Lane], recipe: Recipe) -> Run:
    """Train models side by side.

    Args:
        lanes: models whose `program` is the same.
        recipe: how.

    Returns:
        The models, in the order of the lanes.

    Raises:
        InputError: lanes that need different programs.
        UnmetError: more memory than there is, or a loss that is not finite.
    """
    alike = {program(lane.shape, lane.task.associations, recipe) for lane in lanes}
    if len(alike) != 1:
        raise InputError(f"train: {len(alike)} different programs among {len(lanes)} lanes; expected one")
    common = alike.pop()
    each, width = lane_bytes(common), LANES[jax.default_backend()]
    if not one_by_one():
        width = max(1, min(width, PACK_BYTES // each))
        each *= width
    require(float(each), f"training on {common.sequences:,} sequences")
    runs = [train_pack(lanes[i : i + width], recipe, width) for i in range(0, len(lanes), width)]
    history = History(*(joined([getattr(run.history, name) for run in runs]) for name in ("loss", "accuracy", "bits")))
    models = [one for run in runs for one in run.models]
    return Run(models, history, sum(run.seconds_compile for run in runs), sum(run.seconds_train for run in runs))


def joined(parts: list[Float[np.ndarray, "_ _"]]) -> Float[np.ndarray, "steps K"]:
    """Put packs side by side; those that stopped earlier keep their last value."""
    longest = max(map(len, parts))
    return np.concatenate([np.pad(part, ((0, longest - len(part)), (0, 0)), mode="edge") for part in parts], axis=1)


def train_pack(lanes: Sequence[Lane], recipe: Recipe, width: int) -> Run:
    """Train as many lanes as one compiled program takes; copies of the last, which never start, fill it up."""
    filled = [*lanes, *[lanes[-1]] * (width - len(lanes))]
    common = program(lanes[0].shape, lanes[0].task.associations, recipe, width)
    loop = compiled(common)
    started = time.perf_counter()
    data = Batch(*(np.stack(parts) for parts in zip(*(whole(lane, common) for lane in filled), strict=True)))
    drawn = [padded(initial(recipe, lane.shape, np.random.default_rng(lane.seed)), lane.shape) for lane in filled]
    state = start(common, jax.tree.map(lambda *parts: np.stack(parts), *drawn), len(lanes))
    state, history = descend(loop.run, common, state, data, filled, recipe)
    tensors = jax.tree.map(np.asarray, state.tensors)
    steps = np.asarray(state.steps)
    seconds = time.perf_counter() - started
    models = []
    for index, lane in enumerate(lanes):
        own = trimmed({name: tensor[index] for name, tensor in tensors.items()}, lane.shape)
        models.append(trained(lane, recipe, own, history.accuracy[:, index], int(steps[index])))
    kept = History(*(part[:, : len(lanes)] for part in (history.loss, history.accuracy, history.bits)))
    return Run(models, kept, loop.seconds, seconds)


def descend(
    run: Callable[[State, Batch, Segment], tuple[State, Report]],
    common: Program,
    state: State,
    data: Batch,
    lanes: Sequence[Lane],
    recipe: Recipe,
) -> tuple[State, History]:
    """Run segment after segment until the steps are taken or every model has stopped."""
    rate, forget = np.zeros((2, -(-recipe.steps // SEGMENT) * SEGMENT), np.float32)
    rate[: recipe.steps], forget[: recipe.steps] = rates(recipe, recipe.steps), forgetting(recipe, recipe.steps)
    orders = [batches(recipe, lane) for lane in lanes]
    reports = []
    data = jax.device_put(data)
    with bar(f"train {len(lanes)} models", recipe.steps) as advance:
        for begin in range(0, len(rate), SEGMENT):
            part = slice(begin, begin + SEGMENT)
            chosen = np.stack([next(order) for order in orders], axis=1)
            state, report = run(state, data, Segment(rate[part], forget[part], chosen))
            reports.append(report)
            loss = np.asarray(report.loss)
            if not np.isfinite(loss).all():
                seeds = [lane.seed for lane, column in zip(lanes, loss.T, strict=True) if not np.isfinite(column).all()]
                raise UnmetError(f"the loss of seed {seeds[0]} is not finite after {begin} steps; lower the rate")
            advance(min(SEGMENT, recipe.steps - begin))
            if recipe.stop and np.asarray(state.done).all():
                break
    columns = [
        np.concatenate([np.asarray(part) for part in parts])[: recipe.steps] for parts in zip(*reports, strict=True)
    ]
    # A model that has stopped keeps what it reported last.
    last = np.minimum(np.arange(len(columns[0]))[:, None], np.asarray(state.steps))
    loss, accuracy, bits = (np.take_along_axis(column, last, axis=0) for column in columns[:3])
    return state, History(loss, accuracy, bits * np.array([lane.task.associations for lane in lanes]))


def batches(recipe: Recipe, lane: Lane) -> Iterator[Int[np.ndarray, "steps batch"]]:
    """Yield the sequences of each segment's steps: one sample with replacement, reshuffled every epoch."""
    if recipe.batch is None:
        while True:
            yield np.zeros((SEGMENT, 0), np.int32)
    rng = np.random.default_rng([lane.seed, 1])
    sample = rng.integers(lane.task.associations, size=recipe.batches * recipe.batch).astype(np.int32)

    def rows() -> Iterator[Int[np.ndarray, " batch"]]:
        while True:
            yield from rng.permutation(sample).reshape(recipe.batches, -1)

    endless = rows()
    while True:
        yield np.stack(list(islice(endless, SEGMENT)))


def whole(lane: Lane, program: Program) -> Batch:
    """Lay a task out as the program reads it: rows of weight zero for pairs that are no association, or as filling."""
    task, shape = lane.task, lane.shape
    rows = np.arange(task.associations)
    if program.pairs:
        rows = task.sequences[:, 0].astype(np.int64) * shape.vocabulary + task.sequences[:, 1]

    def spread(values: np.ndarray, dtype: type) -> np.ndarray:
        out = np.zeros((program.sequences, *values.shape[1:]), dtype)
        out[rows] = values
        return out

    weight = np.full(task.associations, 1 / task.associations)
    return Batch(
        spread(task.sequences, np.int32),
        spread(task.answers, np.int32),
        spread(weight, np.float32),
        spread(task.surprisal, np.float32),
    )


def trained(lane: Lane, recipe: Recipe, tensors: Tensors, accuracy: Float[np.ndarray, " steps"], steps: int) -> Trained:
    """Measure a trained model."""
    final = model(recipe, lane.shape, tensors)
    parameters = sum(tensor.size for tensor in tensors.values())
    recall = measure.recall(final, lane.task).accuracy
    bits = measure.bits(final, lane.task)
    shown = float(accuracy[-recipe.window :].mean()) if recipe.window else recall
    return Trained(shown, recall, bits, bits / parameters, parameters, steps, final)
