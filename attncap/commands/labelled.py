"""Labelled examples for the commands of training: one layer as a cell, several from as many seeds."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

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
    "associations": {"source": None, "vocabulary": None, "depth": 1, "width": 0, "batches": None},
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
    capped = {} if cell["score_cap"] is None else {"score_cap": float(cell["score_cap"])}
    return {name: cell[name] for name in ("value_dim", "score_scale", "own_key")} | capped | missing


def recipe_of(cell: Mapping[str, Any]) -> "Recipe":
    """Return a cell's recipe with its changes."""
    from attncap.train.labelled import recipes

    changed = {name: cell[name] for name in ("batch", "rate", "final_rate") if cell[name] is not None}
    for name, value in changed.items():
        if value < (least := 0 if "rate" in name else 1):
            raise InputError(name, f"at least {least}", value)
    if "batch" in changed:
        changed["exact"] = 0
    return replace(recipes.recipe_of(cell["recipe"], cell["steps"]), **changed)
