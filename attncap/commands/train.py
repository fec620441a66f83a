"""What gradient descent memorizes: one model as a cell of a sweep, many of one compiled loop, an ensemble."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from attncap.commands.command import Command
from attncap.commands.options import no_columns, one_source, options
from attncap.constraints import Count, Natural, NotNegative, Seed
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.tasks import Associations
    from attncap.train import Architecture, Ensemble, Recipe
    from attncap.train.associations.problem import Lane, Recalling

# The options that say how a table is read, and those that change a recipe.
COLUMNS = ("subject", "relation", "object", "on_conflict")
SCHEDULE = ("steps", "batch", "batches", "rate", "final_rate")


def train_one(
    source: str | None = None,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    on_conflict: Literal["error", "first"] = "error",
    embedding_dim: Count,
    heads: Count,
    vocabulary: Count | None = None,
    context: Count | None = None,
    count: Count | None = None,
    head_dim: Count | None = None,
    depth: Count = 1,
    width: Natural = 0,
    recipe: str = "best",
    steps: Count | None = None,
    batch: Count | None = None,
    batches: Count | None = None,
    rate: NotNegative | None = None,
    final_rate: NotNegative | None = None,
    seed: Seed = 0,
) -> dict[str, Any]:
    """Train one model on one task; the seed draws the task, the weights and the batches.

    Args:
        source: a named table, a .csv, .tsv, .jsonl or .parquet, a .txt, or ``random:N,S,T``; or give its numbers.
        subject: column of the subjects.
        relation: column of the relations (long table).
        object: column of the answers (long table).
        on_conflict: when one question has two answers: refuse, or keep the first.
        embedding_dim: embedding dimension $d$.
        heads: heads $H$ of each layer.
        vocabulary: random associations: tokens in the vocabulary, $N$.
        context: tokens in a sequence, $S$ (numbers or text); 2 by default.
        count: random associations $T$; every sequence by default.
        head_dim: head dimension $d_h$; $d$ by default.
        depth: layers.
        width: units of each layer's perceptron.
        recipe: how to train: best, or paper (that of Dana, Pydi and Chevaleyre).
        steps: optimizer steps; the recipe's by default, as are the four that follow.
        batch: sequences per step.
        batches: batches per epoch.
        rate: learning rate of the first step.
        final_rate: learning rate that the schedule ends near.
        seed: of every random draw.

    Returns:
        accuracy, recall, bits, bits_per_parameter, parameters, steps.

    Raises:
        InputError: no such source, a shape that no model has, or an unknown recipe.
        UnmetError: more memory than there is, or a loss that is not finite.
    """
    return train_many([dict(locals())])[0]


OPTIONS: dict[str, Any] = {
    name: parameter.default
    for name, parameter in options(train_one).items()
    if parameter.default is not parameter.empty
}


def train_many(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Train the models of many cells side by side; those that fill a pack are one model."""
    from attncap.result import plain
    from attncap.train.loop import lanes

    distinct = {tuple(cell.items()): cell for cell in cells}
    run = lanes.train([lane(cell) for cell in distinct.values()], recipe_of(cells[0]))
    found = dict(zip(distinct, map(plain, run.models), strict=True))
    return [found[tuple(cell.items())] for cell in cells]


def ensemble(seeds: int, **cell: Any) -> "Ensemble":
    """Train models from ``seeds`` seeds on one task.

    Args:
        seeds: models, from seeds seed, seed + 1, ...
        cell: options of `train_one`.
    """
    from attncap import train

    cell = OPTIONS | cell
    task, shape, first = task_of(cell, cell["seed"]), shape_of(cell), cell["seed"]
    size = (shape.embedding_dim, shape.head_dim, shape.heads)
    layers = {"depth": shape.depth, "width": shape.width}
    return train.ensemble(task, *size, **layers, seeds=range(first, first + seeds), recipe=recipe_of(cell))


def compiled_for(cell: Mapping[str, Any]) -> Any:
    """Name the compiled loop and the recipe that a cell needs."""
    from attncap.result import plain

    return [plain(program_of(cell)), plain(recipe_of(cell))]


def program_of(cell: Mapping[str, Any]) -> "Recalling":
    """Return the compiled loop that a cell needs."""
    from attncap.train.associations.problem import recalling

    return recalling(shape_of(cell), count_of(cell), recipe_of(cell))


def lane(cell: Mapping[str, Any]) -> "Lane":
    """Return the model that a cell trains, and the task that its seed draws."""
    from attncap.train.associations.problem import Lane

    return Lane(task_of(cell, cell["seed"]), shape_of(cell), cell["seed"])


def task_of(cell: Mapping[str, Any], seed: int) -> "Associations":
    """Return what a cell memorizes."""
    from attncap import tasks

    source = cell["source"]
    one_source(source, vocabulary=cell["vocabulary"])
    if source is None:
        no_columns(**{name: cell[name] for name in COLUMNS if cell[name] != OPTIONS[name]})
        return tasks.random_associations(*_sizes_of(cell), seed)
    if cell["count"] is not None:
        raise InputError("count", "no source beside it", source)
    return tasks.load(source, context=cell["context"], seed=seed, **{name: cell[name] for name in COLUMNS})


def count_of(cell: Mapping[str, Any]) -> int:
    """Return a cell's number of associations."""
    return _sizes_of(cell)[2]


def shape_of(cell: Mapping[str, Any]) -> "Architecture":
    """Return a cell's sizes."""
    from attncap.train import Architecture

    d = cell["embedding_dim"]
    heads = d if cell["head_dim"] is None else cell["head_dim"], cell["heads"]
    return Architecture(*_sizes_of(cell)[:2], d, *heads, cell["depth"], cell["width"])


def recipe_of(cell: Mapping[str, Any]) -> "Recipe":
    """Return a cell's recipe with its changes."""
    from attncap.train.loop.recipes import recipe

    changed = {name: cell[name] for name in SCHEDULE if cell[name] is not None}
    return replace(recipe(cell["recipe"]), **changed)


def _sizes_of(cell: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return N, S and T, which no seed changes."""
    source = cell["source"]
    if source is not None:
        changed = os.path.getmtime(source) if os.path.isfile(source) else 0.0
        return _sizes_of_source(source, cell["context"], changed, *(cell[name] for name in COLUMNS))
    one_source(source, vocabulary=cell["vocabulary"])
    vocabulary, context = cell["vocabulary"], 2 if cell["context"] is None else cell["context"]
    return vocabulary, context, vocabulary**context if cell["count"] is None else cell["count"]


@lru_cache
def _sizes_of_source(source: str, context: int | None, changed: float, *columns: str | None) -> tuple[int, int, int]:
    given = dict(zip(COLUMNS, columns, strict=True))
    task = task_of(OPTIONS | {"source": source, "context": context, **given}, 0)
    return task.vocabulary_size, task.context, task.associations


train_cell = Command(train_one, train_many, pack_key=compiled_for, pack_size=5)
