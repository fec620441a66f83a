"""Looks at the whole task between segments: how far each model is, and its best weights so far."""

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from attncap.train.loop.problem import Data, Problem, Report, Tensors
from attncap.train.loop.program import State


class Checkpoint(NamedTuple):
    """A model's weights on the way, and after how many steps."""

    steps: int
    tensors: Tensors


class Look(NamedTuple):
    """Loss and accuracy of a model on its whole task, after how many steps and seconds of training."""

    steps: int
    loss: float
    accuracy: float
    seconds: float


def checkpoints(state: State, models: int) -> list[Checkpoint]:
    """Copy the weights of a state's models, whose memory the next segment takes."""
    tensors = {name: np.array(tensor) for name, tensor in state.result.items()}
    steps = np.asarray(state.steps)
    return [Checkpoint(int(steps[k]), {name: x[k] for name, x in tensors.items()}) for k in range(models)]


class Looks:
    """What was seen of each model, and the best of its weights by what the recipe keeps.

    Args:
        problem: whose models.
        data: of all lanes.
        models: how many of the lanes are models.
    """

    def __init__(self, problem: Problem[Any, Any], data: Data, models: int) -> None:
        self.problem, self.data = problem, data
        self.seen: list[list[Look]] = [[] for _ in range(models)]
        self.best: list[Checkpoint | None] = [None] * models

    def take(self, state: State, seconds: float) -> State:
        """Look at every model; where all is right, and the recipe says so, a model stops.

        Args:
            state: after so many steps.
            seconds: that they took.
        """
        report = jax.tree.map(np.asarray, looking(self.problem)(state.result, self.data))
        for k, (one, seen) in enumerate(zip(checkpoints(state, len(self.seen)), self.seen, strict=True)):
            if seen and seen[-1].steps == one.steps:
                continue
            look = Look(one.steps, float(report.loss[k]), float(report.accuracy[k]), seconds)
            if all(self.worth(look) > self.worth(before) for before in seen):
                self.best[k] = one
            seen.append(look)
        stopped = jnp.asarray(report.whole) & self.problem.recipe.stop
        return state._replace(done=state.done | stopped)

    def worth(self, look: Look) -> float:
        """Return what is larger for weights that are rather kept."""
        return look.accuracy if self.problem.recipe.keep == "accuracy" else -look.loss


@lru_cache(maxsize=64)
def looking(problem: Problem[Any, Any]) -> Any:
    """Compile the look at all lanes, one after another."""

    def look(tensors: Tensors, data: Data) -> Report:
        return jax.lax.map(lambda lane: problem.evaluate(*lane), (tensors, data))

    return jax.jit(look)
