"""How to train: recipes as data, and the learning rate of every step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float

from attncap.constraints import Count, Natural, NotNegative, OneOf, Share, check_fields
from attncap.errors import InputError, nearest
from attncap.result import Result

WARM_UP = 50
# Of "warm-cosine": the share of the steps that warm up, and the share of the rate that they begin with.
WARM_SHARE, COLD = 0.05, 0.01
# Their functions are in `attncap.train.loop.optimizers`, which imports JAX.
OPTIMIZERS = ("adam", "nadam", "adan", "lion", "muon", "soap", "soap-4")


@dataclass(frozen=True)
class Recipe(Result):
    r"""Optimizer, schedule, sampling, initialization and accuracy of a training run.

    Attributes:
        name: how results call it.
        optimizer: one of `OPTIMIZERS`.
        rate: learning rate of the first step.
        final_rate: learning rate that the schedule ends near.
        schedule: "epochs" (linear, constant within an epoch), "cosine" (with a linear warm-up of 50 steps) or
            "warm-cosine" (with one of a twentieth of the steps, from a hundredth of the rate).
        steps: optimizer steps.
        forget_from: the share of the steps after which the model may forget what it cannot memorize, more and more
            (`Problem.loss` says how); 1 for never.
        forget_to: how much it may forget at the end.
        batch: sequences a step; None for the exact loss over the whole task.
        batches: batches an epoch, drawn once with replacement and reshuffled every epoch.
        initialization: "paper" (uniform, as PyTorch's modules draw) or "wide" (where heads are many, more to the skip
            connection); see `attncap.train.associations.architecture.initial`.
        residual_position: whether the skip connection carries the position.
        shared_projection: whether, for $d_h \ne d$, all heads share one projection $d \to d_h$ and one back.
        window: accuracy is the mean over so many last batches; 0 for the recall of the whole task at the end.
        stop: whether a model stops when it recalls the whole task.
        evaluate: steps between two looks at the whole task; 0 for none, and the last weights.
        keep: which of the weights seen are the result: those of the least loss, or of the highest accuracy.
        average: in batches, what a step keeps of the weights' moving average, which is looked at and kept in place of
            the weights; 0 for these.
        segment: steps that one call of a compiled loop takes; looks happen between calls.

    Raises:
        InputError: names the attribute, what was expected and what was got.
    """

    name: str
    optimizer: Annotated[str, OneOf(OPTIMIZERS)]
    rate: NotNegative
    final_rate: NotNegative
    schedule: Literal["epochs", "cosine", "warm-cosine"]
    steps: Count
    forget_from: Share = 1.0
    forget_to: NotNegative = 1.0
    batch: Count | None = None
    batches: Count = 64
    initialization: Literal["paper", "wide"] = "paper"
    residual_position: bool = True
    shared_projection: bool = False
    window: Natural = 0
    stop: bool = True
    evaluate: Natural = 0
    keep: Literal["loss", "accuracy"] = "loss"
    average: Share = 0.0
    segment: Count = 64

    def __post_init__(self) -> None:
        check_fields(self)


# The effective rate of the authors' code: LinearLR multiplies .1 by a factor from .1 to .005.
PAPER = Recipe(
    name="paper",
    optimizer="adam",
    rate=0.01,
    final_rate=0.0005,
    schedule="epochs",
    steps=4096,
    batch=256,
    residual_position=False,
    shared_projection=True,
    window=100,
    stop=False,
)
BEST = Recipe(
    name="best",
    optimizer="soap-4",
    rate=0.01,
    final_rate=0.0,
    schedule="cosine",
    steps=2048,
    forget_from=0.5,
    forget_to=2.0,
    initialization="wide",
)
RECIPES = {recipe.name: recipe for recipe in (PAPER, BEST)}


def recipe(name: str, known: Mapping[str, Recipe] = RECIPES) -> Recipe:
    """Return a recipe by its name.

    Args:
        name: "paper" or "best".
        known: the recipes of the models in question; those for associations by default.

    Raises:
        InputError: an unknown name.

    Example:
        >>> recipe("paper").batch
        256
    """
    if name not in known:
        raise InputError("recipe", f"one of {', '.join(known)}", name, nearest(name, known))
    return known[name]


def rates(recipe: Recipe, steps: int) -> Float[np.ndarray, " steps"]:
    """Return the learning rate of every step.

    Args:
        recipe: its schedule.
        steps: how many.

    Example:
        >>> rates(PAPER, 4096)[[0, 63, 64, 4095]].round(6).tolist()
        [0.01, 0.01, 0.009852, 0.000648]
    """
    step, warm = np.arange(steps), np.ones(steps)
    match recipe.schedule:
        case "epochs":
            fraction = (step // recipe.batches) * recipe.batches / steps
        case "cosine":
            fraction = (1 - np.cos(np.pi * step / steps)) / 2
            warm = np.minimum(1.0, (step + 1) / WARM_UP)
        case "warm-cosine":
            rising = max(1, round(WARM_SHARE * steps))
            fraction = (1 - np.cos(np.pi * np.clip((step - rising) / max(1, steps - rising), 0, 1))) / 2
            warm = np.minimum(1.0, COLD + (1 - COLD) * step / rising)
    return warm * (recipe.rate + (recipe.final_rate - recipe.rate) * fraction)


def forgetting(recipe: Recipe, steps: int) -> Float[np.ndarray, " steps"]:
    r"""Return how much may be forgotten at every step: $\phi$, 0 until ``forget_from``, then a line to ``forget_to``.

    Args:
        recipe: its schedule.
        steps: how many.

    Example:
        >>> from dataclasses import replace
        >>> forgetting(replace(PAPER, forget_from=0.5), 4).tolist()
        [0.0, 0.0, 0.0, 0.5]
    """
    if recipe.forget_from >= 1:
        return np.zeros(steps)
    line = (np.arange(steps) / steps - recipe.forget_from) / (1 - recipe.forget_from)
    return recipe.forget_to * np.clip(line, 0, 1)
