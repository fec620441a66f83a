"""Every constructor, one line each, held to the same properties."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
from scipy.special import rel_entr, softmax

import attncap as ac
from attncap import construct, models, tasks, train
from attncap.errors import InputError, UnmetError

from .test_models import by_loops, perceptron_by_loops

FACTS = tasks.random_associations(12, 2, 60, seed=0)
ROWS = tasks.distributions(np.random.default_rng(0).dirichlet(np.ones(8), 30), sequences=np.argwhere(np.ones((5, 6))))
EXAMPLES = tasks.random_examples(25, context=4, embedding_dim=8, seed=0)


@dataclass(frozen=True)
class Constructor:
    """How to find weights, for what, in which shape, and a shape that cannot hold it."""

    find: Callable[..., Any]
    task: Any
    shape: dict[str, int]
    small: dict[str, int]
    numbers: tuple[str, ...]

    def __call__(self, seed: int = 0, **changes: Any) -> Any:
        return self.find(self.task, **{**self.shape, **changes}, seed=seed)


CONSTRUCTORS = {
    "theorem": Constructor(construct.theorem, FACTS, {"embedding_dim": 6}, {"heads": 8}, ("8 heads", "54", "60")),
    "margin": Constructor(construct.margin, FACTS, {"embedding_dim": 6}, {"embedding_dim": 2, "heads": 1}, ("60",)),
    "joint": Constructor(
        construct.joint, FACTS, {"embedding_dim": 6, "heads": 4}, {"embedding_dim": 2, "heads": 1}, ("60",)
    ),
    "perceptron, theorem": Constructor(
        partial(construct.perceptron, method="theorem"), FACTS, {"embedding_dim": 6, "units": 60}, {"units": 8}, ("60",)
    ),
    "perceptron, margin": Constructor(
        construct.perceptron, FACTS, {"embedding_dim": 6}, {"embedding_dim": 2, "units": 1}, ("60",)
    ),
    "perceptron, joint": Constructor(
        partial(construct.perceptron, method="joint"),
        FACTS,
        {"embedding_dim": 6, "units": 3},
        {"embedding_dim": 2, "units": 1},
        ("60",),
    ),
    "train": Constructor(train.memorize, FACTS, {"embedding_dim": 6}, {"steps": 1}, ("60",)),
    "distribution": Constructor(
        partial(construct.distribution, starts=1), ROWS, {"embedding_dim": 4}, {"heads": 2, "stored": 30}, ("12", "30")
    ),
    "examples, theorem": Constructor(
        partial(construct.examples, method="theorem"), EXAMPLES, {}, {"heads": 7}, ("25", "22", "8")
    ),
    "examples, lstsq": Constructor(construct.examples, EXAMPLES, {}, {"heads": 3}, ("25", "24")),
    "examples, chosen": Constructor(
        partial(construct.examples, method="chosen"), EXAMPLES, {}, {"heads": 1, "head_dim": 1}, ("25", "8", "23")
    ),
}
# These go beyond any count.
BEYOND = ("margin", "joint", "train", "perceptron, margin", "perceptron, joint")
COUNTS = {"examples, theorem": "theorem", "examples, lstsq": "features", "examples, chosen": "proved"}
every = pytest.mark.parametrize("name", CONSTRUCTORS)


@lru_cache
def found(name: str) -> Any:
    return CONSTRUCTORS[name]()


def answers(model: Any, task: Any, dtype: type = np.float64) -> np.ndarray:
    """What a model's weights say of every item, in plain loops."""
    tensors = {name: tensor.astype(dtype) for name, tensor in model.tensors().items()}
    if isinstance(task, tasks.Examples):
        return np.array([layer(tensors, *item) for item in zip(task.contexts, task.queries, strict=True)])
    if isinstance(model, models.Perceptron):
        return np.array([perceptron_by_loops(tensors, row, model.activation) for row in task.sequences.tolist()])
    options = model.score_scale, model.residual_position
    return np.array([by_loops(tensors, row, *options) for row in task.sequences.tolist()])


def layer(tensors: dict[str, np.ndarray], context: np.ndarray, query: np.ndarray) -> np.ndarray:
    total = np.zeros(tensors["output"].shape[1])
    for q, k, v, o in zip(*(tensors[part] for part in ("query", "key", "value", "output")), strict=True):
        total += o @ (v @ (context.T @ softmax(context @ (k.T @ (q @ query)))))
    return total


def error(said: np.ndarray, task: Any) -> float:
    """Share of the answers that are wrong, divergence in nats or relative residual."""
    if isinstance(task, tasks.Examples):
        return float(np.linalg.norm(said - task.labels) / np.linalg.norm(task.labels))
    if isinstance(task, tasks.Distributions):
        return float(task.weight @ rel_entr(task.pi, softmax(said.astype(float), axis=1)).sum(axis=1))
    own = said[np.arange(len(said)), task.answers]
    return float(np.mean((said >= own[:, None]).sum(axis=1) > 1))


def claimed(fit: Any, dtype: str) -> float:
    if isinstance(fit, construct.ExamplesFit):
        return fit.residual[dtype]
    return fit.kl[dtype] if isinstance(fit, construct.DistributionFit) else 1 - fit.recall[dtype].accuracy


def arrays(task: Any) -> dict[str, np.ndarray]:
    return {f.name: v for f in fields(task) if isinstance(v := getattr(task, f.name), np.ndarray)}


@every
def test_same_seed_same_bytes_and_another_seed_others(name, tmp_path):
    fits = found(name), CONSTRUCTORS[name](0), CONSTRUCTORS[name](100)
    first, second, third = (
        models.save(fit.model, tmp_path / str(place)).read_bytes() for place, fit in enumerate(fits)
    )
    assert first == second != third


@every
def test_what_it_claims_is_what_plain_loops_over_its_file_find(name, tmp_path):
    fit, task = found(name), CONSTRUCTORS[name].task
    model = models.load(models.save(fit.model, tmp_path))
    assert error(answers(model, task), task) == pytest.approx(claimed(fit, "float64"), rel=1e-6, abs=1e-12)


@every
def test_float32_loses_nothing(name):
    fit, task = found(name), CONSTRUCTORS[name].task
    allowed = fit.encoder.kl + 1e-6 if isinstance(fit, construct.DistributionFit) else 0.0
    allowed = 1e-5 if isinstance(fit, construct.ExamplesFit) else allowed
    assert error(answers(fit.model, task, np.float32), task) <= allowed


@every
def test_a_shape_too_small_is_refused_in_one_line_with_the_numbers(name):
    constructor = CONSTRUCTORS[name]
    with pytest.raises((UnmetError, InputError)) as refused:
        constructor(**constructor.small)
    message = str(refused.value)
    assert "\n" not in message
    assert all(number in message for number in constructor.numbers)


@every
def test_memory_that_is_not_free_is_not_taken(name, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1e3, total=1e3))
    with pytest.raises(UnmetError, match=r"needs about .* GB of memory, 0.0 GB are free"):
        CONSTRUCTORS[name]()


@every
def test_heads_by_default_hold_the_task_and_fewer_do_not(name):
    fit, task = found(name), CONSTRUCTORS[name].task
    if isinstance(fit.model, models.Perceptron):
        assert fit.shape.units == fit.model.gate.shape[0] >= 1
        assert fit.shape.heads == fit.model.heads == 0
        assert name in BEYOND or fit.capacity["theorem"] >= task.associations
        return
    heads = fit.shape.heads
    count = task.associations if isinstance(task, tasks.Associations) else task.count
    assert heads == fit.model.query.shape[0] >= 1
    if name not in BEYOND:
        assert fit.capacity[COUNTS.get(name, "rank")] >= count
    if name not in (*BEYOND, "examples, chosen"):
        with pytest.raises((UnmetError, InputError)):
            CONSTRUCTORS[name](heads=heads - 1, **({"stored": count} if name == "distribution" else {}))


@every
def test_the_order_of_the_rows_does_not_matter(name):
    constructor, rows = CONSTRUCTORS[name], arrays(CONSTRUCTORS[name].task)
    order = np.random.default_rng(5).permutation(len(next(iter(rows.values()))))
    task = replace(constructor.task, **{key: value[order] for key, value in rows.items()})
    moved, fit = replace(constructor, task=task)(), found(name)
    assert error(answers(moved.model, task), task) == pytest.approx(claimed(fit, "float64"), abs=1e-6)
    assert (moved.shape, moved.capacity) == (fit.shape, fit.capacity) or name in BEYOND


@every
def test_the_result_is_json_without_weights(name):
    fit = found(name)
    said = fit.to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert "model" not in said
    assert said["seed"] >= 0
    assert math.isfinite(said["seconds"])
    assert fit.to_row().height == 1
    assert str(fit)


@every
def test_the_citation_names_the_paper_that_it_follows(name):
    cited = ac.citation(found(name))
    assert "@" in cited
    paper = "mahdavi2024" if name in COUNTS else "hebbian2026" if name.startswith("perceptron") else "dana2025"
    assert [key for key in ("mahdavi2024", "hebbian2026", "dana2025") if f"{{{key}," in cited] == [paper]


@every
def test_the_task_is_left_as_it_was(name):
    task = CONSTRUCTORS[name].task
    before = {key: value.copy() for key, value in arrays(task).items()}
    CONSTRUCTORS[name]()
    for key, value in before.items():
        np.testing.assert_array_equal(getattr(task, key), value)


@every
def test_the_finished_model_is_in_float64_and_its_file_gives_the_same_weights_back(name, tmp_path):
    fit = found(name)
    back = models.load(models.save(fit.model, tmp_path))
    assert type(back) is type(fit.model)
    for part, tensor in fit.model.tensors().items():
        np.testing.assert_array_equal(back.tensors()[part], tensor)
