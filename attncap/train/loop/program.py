"""The compiled training loop: many models of one problem side by side."""

import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from attncap.train.loop.cache import persist
from attncap.train.loop.optimizers import OPTIMIZERS
from attncap.train.loop.problem import Array, Data, Problem, Report, Tensors
from attncap.train.loop.recipes import Recipe

AnyProblem = Problem[Any, Any]


class State(NamedTuple):
    """Of each lane: weights, their average (empty if none), the optimizer's memory, whether it stopped, steps taken."""

    tensors: Tensors
    average: Tensors
    memory: Any
    done: Bool[Array, " lanes"]
    steps: Int[Array, " lanes"]

    @property
    def result(self) -> Tensors:
        """The weights that are looked at and kept."""
        return self.average or self.tensors


class Segment(NamedTuple):
    """What the steps of a segment take: the learning rate, how much to forget, and what each lane is fed."""

    rate: Float[np.ndarray, " steps"]
    forget: Float[np.ndarray, " steps"]
    fed: Data


def start(recipe: Recipe, tensors: Tensors, models: int, lanes: int) -> State:
    """Return the state before the first step; of the lanes, so many are models and the rest have stopped."""
    tensors = jax.tree.map(jnp.asarray, tensors)
    memory = OPTIMIZERS[recipe.optimizer]().init(tensors)
    # Steps of the whole task have no noise to lose, and end where the weights are right, not their average.
    average = jax.tree.map(jnp.copy, tensors) if recipe.average and recipe.batch else {}
    return State(tensors, average, memory, jnp.arange(lanes) >= models, jnp.zeros(lanes, dtype=jnp.int32))


def gradient(problem: AnyProblem, forget: Array, tensors: Tensors, data: Data, fed: Data) -> tuple[Tensors, Report]:
    """Return the gradient of one lane's loss on what a step trains on, and the report."""
    batch = problem.batch(data, fed)
    return jax.grad(problem.loss, has_aux=True)(tensors, batch, forget)


def one_by_one() -> bool:
    """Whether a step takes its lanes one after another: a processor's cache holds one of them, not five."""
    return jax.default_backend() == "cpu"


def gradients(problem: AnyProblem, forget: Array, state: State, data: Data, fed: Data) -> tuple[Tensors, Report]:
    """Return the gradient and the report of every lane; zeros, at no cost, of those that have stopped."""
    compute = partial(gradient, problem, forget)
    if not one_by_one():
        return jax.vmap(compute)(state.tensors, data, fed)

    def of_lane(lane: tuple[Array, Tensors, Data, Data]) -> tuple[Tensors, Report]:
        done, *inputs = lane
        nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(compute, *inputs))
        return jax.lax.cond(done, lambda *_: nothing, compute, *inputs)

    return jax.lax.map(of_lane, (state.done, state.tensors, data, fed))


def step(problem: AnyProblem, data: Data, state: State, inputs: tuple[Array, Array, Data]) -> tuple[State, Report]:
    """Take one step of all lanes; the optimizer sees them stacked, and counts steps once for all."""
    rate, forget, fed = inputs
    slopes, report = gradients(problem, forget, state, data, fed)
    updates, memory = OPTIMIZERS[problem.recipe.optimizer]().update(slopes, state.memory, state.tensors)
    done = state.done | (rate == 0)
    if problem.recipe.stop:
        done |= report.whole
    move = jax.vmap(lambda done, x, update: jnp.where(done, x, x - rate * update))
    moved = jax.tree.map(partial(move, done), state.tensors, updates)
    share = problem.recipe.average
    blend = jax.vmap(lambda done, mean, x: jnp.where(done, mean, share * mean + (1 - share) * x))
    average = {name: blend(done, mean, moved[name]) for name, mean in state.average.items()}
    return State(moved, average, memory, done, state.steps + ~done), report


def run_segment(problem: AnyProblem, state: State, data: Data, segment: Segment) -> tuple[State, Report]:
    """Take the steps of a segment in all lanes."""
    return jax.lax.scan(partial(step, problem, data), state, segment)


class Compiled(NamedTuple):
    """A segment's program, and the seconds that compiling it took."""

    run: Callable[[State, Data, Segment], tuple[State, Report]]
    seconds: float


def compiled(problem: AnyProblem, state: State, data: Data, segment: Segment) -> Compiled:
    """Compile the loop of a problem for arguments like these, or find it in this process or in the user's cache."""
    shapes, tree = jax.tree.flatten(jax.eval_shape(lambda *arguments: arguments, state, data, segment))
    return compiled_for(problem, tuple(shapes), tree)


@lru_cache(maxsize=64)
def compiled_for(problem: AnyProblem, shapes: tuple[jax.ShapeDtypeStruct, ...], tree: Any) -> Compiled:
    """Compile the loop of a problem for arguments of these shapes."""
    persist()
    started = time.perf_counter()
    arguments = jax.tree.unflatten(tree, shapes)
    run = jax.jit(partial(run_segment, problem), donate_argnums=0).lower(*arguments).compile()
    return Compiled(run, time.perf_counter() - started)
