"""One training run as a cell of a sweep, and many of one compiled loop as a pack."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from attncap.result import plain
from attncap.sweep import Command
from attncap.tasks import random_associations
from attncap.train.associations.architecture import Architecture
from attncap.train.associations.problem import Lane, Recalling, recalling
from attncap.train.loop.lanes import train
from attncap.train.loop.recipes import Recipe
from attncap.train.loop.recipes import recipe as named


def train_one(
    *,
    vocabulary: int,
    embedding_dim: int,
    heads: int,
    context: int = 2,
    count: int = 0,
    head_dim: int = 0,
    depth: int = 1,
    width: int = 0,
    recipe: str = "best",
    steps: int = 0,
    batch: int = 0,
    batches: int = 0,
    rate: float = 0.0,
    final_rate: float = 0.0,
    seed: int = 0,
) -> dict[str, Any]:
    """Train one model on random associations; the seed draws the task, the weights and the batches.

    Args:
        vocabulary: $N$.
        embedding_dim: $d$.
        heads: $H$.
        context: $S$.
        count: associations $T$; 0 for every sequence.
        head_dim: $d_h$; 0 for $d$.
        depth: layers.
        width: units of each layer's perceptron.
        recipe: a name in `RECIPES`, of which the five that follow change what is not 0.
        steps: optimizer steps.
        batch: sequences a step.
        batches: batches an epoch.
        rate: learning rate of the first step.
        final_rate: learning rate that the schedule ends near.
        seed: of every random draw.

    Returns:
        accuracy, recall, bits, bits_per_parameter, parameters, steps.
    """
    return train_many([dict(locals())])[0]


OPTIONS: dict[str, Any] = {
    name: parameter.default
    for name, parameter in inspect.signature(train_one).parameters.items()
    if parameter.default is not inspect.Parameter.empty
}


def train_many(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Train the models of many cells side by side; those that fill a pack are one model."""
    distinct = {tuple(cell.items()): cell for cell in cells}
    run = train([lane(cell) for cell in distinct.values()], recipe_of(cells[0]))
    found = dict(zip(distinct, map(plain, run.models), strict=True))
    return [found[tuple(cell.items())] for cell in cells]


def compiled_for(cell: Mapping[str, Any]) -> Any:
    """Name the compiled loop and the recipe that a cell needs."""
    return [plain(program_of(cell)), plain(recipe_of(cell))]


def program_of(cell: Mapping[str, Any]) -> Recalling:
    """Return the compiled loop that a cell needs."""
    return recalling(shape_of(cell), count_of(cell), recipe_of(cell))


def lane(cell: Mapping[str, Any]) -> Lane:
    """Return the model that a cell trains, and the task that its seed draws."""
    task = random_associations(cell["vocabulary"], cell["context"], count_of(cell), cell["seed"])
    return Lane(task, shape_of(cell), cell["seed"])


def count_of(cell: Mapping[str, Any]) -> int:
    """Return a cell's number of associations."""
    return cell["count"] or cell["vocabulary"] ** cell["context"]


def shape_of(cell: Mapping[str, Any]) -> Architecture:
    """Return a cell's sizes."""
    d = cell["embedding_dim"]
    heads = cell["head_dim"] or d, cell["heads"]
    return Architecture(cell["vocabulary"], cell["context"], d, *heads, cell["depth"], cell["width"])


def recipe_of(cell: Mapping[str, Any]) -> Recipe:
    """Return a cell's recipe with its changes."""
    changed = {name: cell[name] for name in ("steps", "batch", "batches", "rate", "final_rate") if cell[name]}
    return replace(named(cell["recipe"]), **changed)


train_cell = Command(train_one, train_many, pack_key=compiled_for, pack_size=5)
