"""What training one shape from several seeds returns, whatever it is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from jaxtyping import Float, Int

from attncap.errors import InputError
from attncap.fits import Found
from attncap.models import Model
from attncap.numerics.memory import require
from attncap.result import hidden, several
from attncap.train.loop.lanes import History, Run
from attncap.train.loop.recipes import Recipe

ModelT = TypeVar("ModelT", bound=Model)
COLUMNS = ("accuracy", "bits", "bits_per_parameter", "steps")
# Of each model its weights and optimizer a few times over, and what Python keeps of it.
COPIES, OVERHEAD = 32, 1e4


@dataclass(frozen=True, kw_only=True)
class Seeded(Found, Generic[ModelT]):
    """Models that differ in their seed.

    Attributes:
        recipe: how they were trained.
        seeds: of each.
        parameters: numbers trained, of each.
        accuracy: of each.
        bits: memorized.
        bits_per_parameter: the same over ``parameters``.
        steps: taken by each.
        seconds_compile: compiling the loop, or reading it from the cache.
        seconds_train: running it.
        history: of every step.
        models: the weights, in float32.
    """

    recipe: Recipe
    seeds: tuple[int, ...]
    parameters: int
    accuracy: Float[np.ndarray, " K"]
    bits: Float[np.ndarray, " K"]
    bits_per_parameter: Float[np.ndarray, " K"]
    steps: Int[np.ndarray, " K"]
    seconds_compile: float
    seconds_train: float
    history: History = hidden()
    models: tuple[ModelT, ...] = hidden()

    @property
    def best(self) -> int:
        """The place of the model that recalls most, the first of several."""
        return int(np.argmax(self.recalled))

    @property
    def model(self) -> ModelT:
        """The weights of the model that recalls most, the first of several."""
        return self.models[self.best]

    @property
    def seed(self) -> int:
        """The seed of `model`."""
        return self.seeds[self.best]

    @property
    def dtype(self) -> str:
        """The type that the models were trained in."""
        return self.models[0].dtype

    @property
    def timed(self) -> str:
        """The time that training took, in words."""
        return f"{self.seconds_train:.1f} s, and {self.seconds_compile:.1f} s to compile"


def seed_numbers(seeds: int | Sequence[int], weights: float) -> list[int]:
    """Return the seeds, given as such or as how many, once their models are known to fit into memory.

    Args:
        seeds: the seeds, or how many (0, 1, ...).
        weights: numbers of each model.

    Raises:
        InputError: none.
        UnmetError: more models than memory holds.
    """
    models = seeds if isinstance(seeds, int) else len(seeds)
    if models < 1:
        raise InputError("seeds", "at least 1", models)
    require(models * (OVERHEAD + COPIES * weights), several(models, "model"), "choose fewer seeds")
    return list(range(seeds)) if isinstance(seeds, int) else list(seeds)


def trained_fields(run: Run[Any], seeds: Sequence[int], columns: Sequence[str] = ()) -> dict[str, Any]:
    """Return the fields of `Seeded` that a run of the loop fills, and further columns of its models.

    Args:
        run: its models have ``parameters``, ``model`` and the columns.
        seeds: of each.
        columns: beside `COLUMNS`.
    """
    return {
        "method": "train",
        "seconds": run.seconds_compile + run.seconds_train,
        "seeds": tuple(seeds),
        "parameters": run.models[0].parameters,
        **{name: np.array([getattr(one, name) for one in run.models]) for name in (*COLUMNS, *columns)},
        "seconds_compile": run.seconds_compile,
        "seconds_train": run.seconds_train,
        "history": run.history,
        "models": tuple(one.model for one in run.models),
    }
