"""The compiled training loop: many models of one shape side by side."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from attncap.models import TokenModel
from attncap.models.attention import Array
from attncap.train.associations.architecture import Architecture, Tensors, initial, model
from attncap.train.associations.loss import Batch, Report, evaluate
from attncap.train.associations.pairs import encode_pairs
from attncap.train.associations.short_contexts import encode_short
from attncap.train.loop.cache import persist
from attncap.train.loop.optimizers import OPTIMIZERS
from attncap.train.loop.recipes import Recipe

SEGMENT = 64
# Up to so many positions, projecting each costs less than folding the keys into the queries.
SHORT = 4


@dataclass(frozen=True)
class Program:
    """Everything that a compiled training loop depends on.

    Attributes:
        shape: with as many heads as the bucket.
        recipe: its optimizer, loss, sampling and stop.
        sequences: how many each model trains on (filled up with some of weight zero).
        lanes: models side by side.
        pairs: whether the sequences are all the pairs of tokens, in order.
    """

    shape: Architecture
    recipe: Recipe
    sequences: int
    lanes: int
    pairs: bool


class State(NamedTuple):
    """Of each lane: the weights, the optimizer's memory, whether the model has stopped, and after how many steps."""

    tensors: Tensors
    memory: Any
    done: Bool[Array, " lanes"]
    steps: Int[Array, " lanes"]


class Segment(NamedTuple):
    """What the steps of a segment take: the learning rate, how much to forget, which sequences (none: all of them)."""

    rate: Float[np.ndarray, " steps"]
    forget: Float[np.ndarray, " steps"]
    chosen: Int[np.ndarray, "steps lanes batch"]


def start(program: Program, tensors: Tensors, models: int) -> State:
    """Return the state before the first step; of the lanes, so many are models and the rest have stopped."""
    tensors = jax.tree.map(jnp.asarray, tensors)
    memory = OPTIMIZERS[program.recipe.optimizer]().init(tensors)
    lanes = program.lanes
    return State(tensors, memory, jnp.arange(lanes) >= models, jnp.zeros(lanes, dtype=jnp.int32))


def objective(program: Program, forget: Array, tensors: Tensors, batch: Batch) -> tuple[Array, Report]:
    """Return the loss of one model on a batch, and the report."""
    logits = forward(program, model(program.recipe, program.shape, tensors), batch.sequences)
    return evaluate(logits, batch, forget if program.recipe.forget_from < 1 else None)


def forward(program: Program, built: TokenModel, sequences: Int[Array, "T S"]) -> Float[Array, "T N"]:
    """Return the logits of a model in JAX's tensors, by the quickest of the ways that its shape allows."""
    if program.shape.context > SHORT:
        return built.forward(sequences)
    encoded = encode_pairs(built) if program.pairs else encode_short(built, sequences)
    return encoded @ built.unembedding.T


def gradient(program: Program, forget: Array, tensors: Tensors, data: Batch, chosen: Array) -> tuple[Tensors, Report]:
    """Return the gradient of one lane's loss on what a step trains on, and the report."""
    batch = data
    if program.recipe.batch:
        batch = Batch(*(part[chosen] for part in data))
        batch = batch._replace(weight=jnp.full_like(batch.weight, 1 / program.recipe.batch))
    return jax.grad(partial(objective, program, forget), has_aux=True)(tensors, batch)


def one_by_one() -> bool:
    """Whether a step takes its lanes one after another: a processor's cache holds one of them, not five."""
    return jax.default_backend() == "cpu"


def gradients(program: Program, forget: Array, state: State, data: Batch, chosen: Array) -> tuple[Tensors, Report]:
    """Return the gradient and the report of every lane; zeros, at no cost, of those that have stopped."""
    compute = partial(gradient, program, forget)
    if not one_by_one():
        return jax.vmap(compute)(state.tensors, data, chosen)

    def of_lane(lane: tuple[Array, Tensors, Batch, Array]) -> tuple[Tensors, Report]:
        done, *inputs = lane
        nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(compute, *inputs))
        return jax.lax.cond(done, lambda *_: nothing, compute, *inputs)

    return jax.lax.map(of_lane, (state.done, state.tensors, data, chosen))


def step(program: Program, data: Batch, state: State, inputs: tuple[Array, Array, Array]) -> tuple[State, Report]:
    """Take one step of all lanes; the optimizer sees them stacked, and counts steps once for all."""
    rate, forget, chosen = inputs
    slopes, report = gradients(program, forget, state, data, chosen)
    updates, memory = OPTIMIZERS[program.recipe.optimizer]().update(slopes, state.memory, state.tensors)
    done = state.done | (rate == 0)
    if program.recipe.stop:
        done |= report.whole
    move = jax.vmap(lambda done, x, update: jnp.where(done, x, x - rate * update))
    moved = jax.tree.map(partial(move, done), state.tensors, updates)
    return State(moved, memory, done, state.steps + ~done), report


def run_segment(program: Program, state: State, data: Batch, segment: Segment) -> tuple[State, Report]:
    """Take the steps of a segment in all lanes."""
    return jax.lax.scan(partial(step, program, data), state, segment)


class Compiled(NamedTuple):
    """A segment's program, and the seconds that compiling it took."""

    run: Callable[[State, Batch, Segment], tuple[State, Report]]
    seconds: float


@lru_cache(maxsize=64)
def compiled(program: Program) -> Compiled:
    """Compile the loop of a program, or find it in this process or in the user's cache."""
    persist()
    started = time.perf_counter()
    run = jax.jit(partial(run_segment, program), donate_argnums=0).lower(*example(program)).compile()
    return Compiled(run, time.perf_counter() - started)


def example(program: Program) -> tuple[State, Batch, Segment]:
    """Return arguments of the types and shapes that a program takes."""
    shape, count, lanes = program.shape, program.sequences, program.lanes
    one = initial(program.recipe, shape, np.random.default_rng(0))
    tensors = {name: np.stack([tensor] * lanes) for name, tensor in one.items()}
    whole, real = np.zeros((lanes, count), np.int32), np.zeros((lanes, count), np.float32)
    data = Batch(np.zeros((lanes, count, shape.context), np.int32), whole, real, real)
    chosen = np.zeros((SEGMENT, lanes, program.recipe.batch or 0), np.int32)
    still = np.zeros(SEGMENT, np.float32)
    return start(program, tensors, lanes), data, Segment(still, still, chosen)
