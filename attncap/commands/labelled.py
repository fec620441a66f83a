"""Labelled examples for the commands of training: one layer as a cell, several from as many seeds."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from attncap.constraints import Count, Natural, NotNegative, Positive, Seed
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.tasks import Examples
    from attncap.train import LayerArchitecture, LayerEnsemble
    from attncap.train.labelled.recipes import Recipe

Kind = Literal["associations", "examples"]
Contexts = Literal["distinct", "shared", "permuted"]
Without = Literal["embedding", "positions", "decoder"]
# Of each kind, the options that only it takes, with their defaults.
OWN: dict[str, dict[str, Any]] = {
    "associations": {
        "source": None,
        "subject": None,
        "relation": None,
        "object": None,
        "on_conflict": "error",
        "vocabulary": None,
        "depth": 1,
        "width": 0,
        "batches": None,
    },
    "examples": {
        "classes": 100,
        "contexts": "distinct",
        "value_dim": 1,
        "score_scale": None,
        "score_cap": None,
        "without": None,
        "own_key": False,
    },
}
# A softmax that gives one token more counts as saturated; looked at so many times on the way.
SATURATED, MOMENTS = 0.99, 16
FLAGS = {"embedding": "embed", "positions": "positions", "decoder": "decode"}


def checked(cell: Mapping[str, Any]) -> None:
    """Refuse the options of the other kind.

    Raises:
        InputError: names the option.
    """
    for kind, own in OWN.items():
        for name, default in own.items():
            if kind != cell["kind"] and cell.get(name, default) != default:
                raise InputError(name, f"kind {kind}", f"kind {cell['kind']}")


def train_one(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Train the layer of a cell."""
    run = ensemble(1, cell)
    columns = ("accuracy", "loss", "bits", "bits_per_parameter", "steps")
    first = {name: getattr(run, name)[0].item() for name in columns}
    looks = run.curves.select("step", "accuracy", "loss").to_dict(as_series=False)
    return {**first, "parameters": run.parameters, "steps_run": looks["step"][-1], "looks": looks}


def ensemble(seeds: int, cell: Mapping[str, Any]) -> "LayerEnsemble":
    """Train layers from so many seeds on the task of a cell's seed."""
    from attncap.train.labelled.layers import layers

    first = cell["seed"]
    checked(cell)
    numbers = range(first, first + seeds)
    size = (cell["head_dim"], cell["heads"])
    return layers(task_of(cell), *size, seeds=numbers, recipe=recipe_of(cell), **parts_of(cell))


def task_of(cell: Mapping[str, Any]) -> "Examples":
    """Draw the examples of a cell."""
    from attncap.tasks import uniform_examples

    for name in ("context", "count"):
        if cell[name] is None:
            raise InputError(f"{name}: expected a whole number for kind examples; got none")
    size = (cell["count"], cell["context"], cell["embedding_dim"], cell["classes"])
    return uniform_examples(*size, contexts=cell["contexts"], seed=cell["seed"])


def shape_of(cell: Mapping[str, Any]) -> "LayerArchitecture":
    """Return a cell's sizes."""
    from attncap.train import LayerArchitecture

    d = cell["embedding_dim"]
    sizes = (cell["context"], d, cell["head_dim"] or d, cell["heads"], cell["classes"] or 1)
    return LayerArchitecture(*sizes, **parts_of(cell))


def parts_of(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return what else a layer is made of."""
    missing = {FLAGS[cell["without"]]: False} if cell["without"] else {}
    return {name: cell[name] for name in ("value_dim", "score_scale", "score_cap", "own_key")} | missing


def recipe_of(cell: Mapping[str, Any]) -> "Recipe":
    """Return a cell's recipe with its changes."""
    from attncap.train.labelled import recipes

    changed = {name: cell[name] for name in ("batch", "rate", "final_rate") if cell[name] is not None}
    if "batch" in changed:
        changed["exact"] = 0
    return replace(recipes.recipe_of(cell["recipe"], cell["steps"]), **changed)


def saturation(
    *,
    embedding_dim: Count = 64,
    heads: Count = 4,
    context: Count = 32,
    count: Count = 550,
    classes: Natural = 100,
    head_dim: Count | None = None,
    contexts: Contexts = "shared",
    recipe: str = "paper",
    steps: Count = 300_000,
    batch: Count | None = None,
    rate: NotNegative | None = None,
    score_cap: Positive | None = None,
    seed: Seed = 0,
) -> dict[str, Any]:
    """Train one layer without stopping early, and say on the way how far its attention is saturated.

    Args:
        embedding_dim: embedding dimension $d$.
        heads: heads $H$.
        context: vectors in a context, $n$.
        count: examples $T$.
        classes: classes of the labels; 0 for real labels.
        head_dim: head dimension $d_h$; $d$ by default.
        contexts: distinct, shared or permuted.
        recipe: how to train: paper or best.
        steps: optimizer steps.
        batch: examples per step; the recipe's by default, as is the next.
        rate: learning rate of the first step.
        score_cap: scores stay below it; no cap by default.
        seed: of every random draw.

    Returns:
        accuracy; and at about 16 moments: step, the share of examples and heads whose largest weight exceeds .99, the
        heads of which most examples do, and the mean number of examples per head that do not: those it tells apart.
    """
    given = dict(locals())
    import numpy as np

    from attncap.measure.examples import largest_weights
    from attncap.train.labelled.problem import Lane
    from attncap.train.loop.lanes import train

    cell: dict[str, Any] = {**OWN["examples"], "kind": "examples", "final_rate": None, **given}
    chosen = replace(recipe_of(cell), stop=False)
    task, shape = task_of(cell), shape_of(cell)
    every = max(1, steps // (MOMENTS * chosen.segment))
    run = train([Lane(task, shape, seed)], chosen, every=every)
    rows: dict[str, list[float]] = {"step": [], "saturated": [], "heads": [], "told_apart": []}
    for one in run.checkpoints[0]:
        hard = largest_weights(shape.model(one.tensors), task) > SATURATED
        numbers = one.steps, hard.mean(), (np.mean(hard, axis=0) > 0.5).sum(), (~hard).sum(axis=0).mean()
        for column, number in zip(rows.values(), numbers, strict=True):
            column.append(float(number))
    return {"accuracy": run.models[0].accuracy, "loss": run.models[0].loss, "way": rows}
