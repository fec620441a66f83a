"""What arguments may be: every public function answers, or says in one line what it wanted."""

import inspect
import re
from dataclasses import replace
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attncap as ac
from attncap import (
    archive,
    audit,
    bounds,
    construct,
    fits,
    interpolation,
    measure,
    memory,
    models,
    papers,
    plots,
    scaling,
    tasks,
    train,
)
from attncap.constraints import Count, Numbers, Range, Seed, Share, checked, expected
from attncap.constraints import fits as allowed
from attncap.errors import InputError, UnmetError
from attncap.sweep import COMMANDS
from attncap.train.loop.optimizers import OPTIMIZERS
from attncap.train.loop.recipes import OPTIMIZERS as NAMES

TASK = tasks.random_associations(10, 2, 15)
LARGER, LONGER = tasks.random_associations(12, 2, 20), tasks.random_associations(10, 3, 15)
PI = np.random.default_rng(0).dirichlet(np.ones(6), size=9)
DISTRIBUTIONS = tasks.distributions(PI, sequences=[[i, j] for i in range(3) for j in range(3)])
EXAMPLES = tasks.random_examples(10, 3, 4)
FIT = construct.theorem(TASK, 8)
MODEL = FIT.model
HELD = construct.distribution(DISTRIBUTIONS, 3).model
ENCODER = construct.encode(DISTRIBUTIONS, 2)
ERROR = interpolation.error("tanh", ratio=0.5, ridge=1.0)
LOGITS = np.log(PI)
KEPT = archive.of(FIT)
EDITED = memory.edit(KEPT, [("0", "1", "2")])
FORGOTTEN = memory.forget(KEPT, [TASK.words(0)[0]])
PLANS = bounds.plan(TASK)
SIZES = {"vocabulary": 10, "context": 2, "embedding_dim": 8}
MEASURED = {"model": MODEL, "task": TASK}
X = np.arange(1.0, 7)

# A call of each public function that is right, or wrong in the way that costs least.
CALLS: dict[object, dict] = {
    archive.encode: {"path": Path("x"), "tokens": ["0"], "vocabulary": ["0", "1"]},
    archive.read: {"path": "memory"},
    archive.write: {"fit": FIT, "path": "memory", "force": False},
    bounds.plan: {"associations": 20, "vocabulary": 10, "context": 2, "bits": 30.0, "embedding_dim": 8}
    | {"head_dim": 8, "data_rank": 9, "queries": 5, "answers": 5, "epsilon": None, "task": None}
    | {"constants": {"morris2025": 3.6}},
    bounds.evaluate: {"constants": {"morris2025": 3.6}, "heads": 2, **SIZES, "head_dim": 8},
    bounds.value: {"id": "dana2025", "heads": 2, "head_dim": 8, "embedding_dim": 8},
    audit.assumptions: {"contexts": np.eye(3), "queries": np.eye(3), "size": 2, "subsets": 2, "seed": 0},
    audit.audit: {"model": "layer.npz", "inputs": None, "layers": None, "query": None, "context": None}
    | {"examples": None, "size": 2, "subsets": 2, "facts": None, "template": None, "seed": 0},
    audit.fact_recall: {"model": None, "source": "facts.csv", "template": None, "seed": 0},
    audit.load: {"path": "layer.npz"},
    audit.twin: {"model": None, "seed": 0, "deviation": 0.1},
    bounds.citation: {"used": "theorem"},
    construct.capacity: SIZES | {"vocabulary": 4, "embedding_dim": 4, "head_dim": 4, "heads": 1, "seeds": 1, "seed": 0}
    | {"method": "margin", "dtype": "float32", "train_attention": False, "certify": False},
    construct.distribution: {"task": DISTRIBUTIONS, "embedding_dim": 2, "head_dim": 2, "heads": 4, "stored": None}
    | {"epsilon": None, "starts": 1, "dtype": "float32", "seed": 0},
    construct.encode: {"task": DISTRIBUTIONS, "embedding_dim": 2, "starts": 1, "seed": 0},
    construct.examples: {"task": EXAMPLES, "head_dim": 4, "heads": 4, "method": "lstsq", "saturation": 1.0}
    | {"beta": 3.0, "seed": 0},
    construct.examples_capacity: {"context": 3, "embedding_dim": 4, "head_dim": 4, "heads": 1, "method": "lstsq"}
    | {"shared": False, "seeds": 1, "seed": 0},
    construct.first_layer: {"task": EXAMPLES},
    construct.lookup_bound: {"task": DISTRIBUTIONS, "embedding_dim": 2, "published": False},
    construct.lower_bound: {"pi": PI, "weight": DISTRIBUTIONS.weight, "logits": LOGITS, "dim": 2, "rho": 1.0}
    | {"iterations": 2},
    construct.joint: {"task": TASK, "embedding_dim": 4, "head_dim": 1, "heads": 4, "query_key_rank": 1, "seed": 0}
    | {"dtype": "float32", "certify": False, "evaluations": 99, "budget": None, "embeddings": None},
    construct.smallest: {"task": TASK, "by": "parameters", "within": 9.0, "dtype": "float32", "seed": 0, "first": True}
    | {"certify": False},
    construct.perceptron: {"task": TASK, "embedding_dim": 4, "units": 3, "method": "joint", "activation": "gelu"}
    | {"embeddings": None, "dtype": "float32", "seed": 0, "evaluations": 99, "budget": None},
    construct.perceptron_capacity: {"vocabulary": 4, "context": 2, "embedding_dim": 4, "units": 2, "method": "margin"}
    | {"dtype": "float32", "seeds": 1, "seed": 0},
    plots.front_chart: {"fit": FIT},
    construct.margin: {"task": TASK, "embedding_dim": 8, "head_dim": 8, "heads": 2, "query_key_rank": 2}
    | {"dtype": "float32", "seed": 0, "train_attention": False, "certify": False, "embeddings": None},
    construct.theorem: {"task": TASK, "embedding_dim": 8, "head_dim": 8, "heads": 2, "query_key_rank": 2}
    | {"dtype": "float32", "seed": 0},
    # Neither of them can be used: what began to serve would not end.
    ac.explore.serve: {"port": 10**6, "directory": "facts.csv", "started": None},
    ac.explore.write_static: {"path": "explore.html", "force": True},
    fits.bits_per: {"bits": 3.0, **MEASURED, "dtype": "float32", "method": "theorem", "given": False},
    fits.capacity_of: {"task": TASK, "embedding_dim": 8, "head_dim": 8, "heads": 2},
    fits.check_shape: {"embedding_dim": 8, "head_dim": 8, "heads": 2, "dtype": "float32", "query_key_rank": 2},
    fits.counts: {**MEASURED, "dtype": "float32", "method": "theorem", "given": False},
    fits.data_parameters: {**MEASURED, "method": "theorem", "given": False},
    fits.least_heads: {"task": TASK, "embedding_dim": 8, "head_dim": 8, "slack": 1, "bound": "corrected"},
    fits.shortfall: {"recall": FIT.recall["float32"], "task": TASK, "dtype": "float32", "heads": 2, "part": "head"},
    fits.summarize: {**MEASURED, "dtype": "float32", "method": "theorem", "capacity": {}, "details": {}}
    | {"seed": 0, "seconds": 0.0, "given": False},
    interpolation.activation: {"spec": "tanh", "kinks": [0.0], "diagonal_limit": 0.0},
    interpolation.error: {"activations": "tanh", "ratio": 0.5, "ridge": 1.0, "snr": 0.5, "alignment": 0.5}
    | {"diagonal": "zero", "heads": 1, "combine": "concat", "random_scores": False, "positive": 0.5},
    interpolation.linear_regression: {"ratio": 0.5, "ridge": 1.0, "snr": 0.5},
    interpolation.predict: {"attention": ERROR.attention, "mean": np.ones(1), "ratio": X[:1], "ridge": X[:1]},
    interpolation.resolvent: {"activations": "tanh", "ratio": 0.5, "z": -1.0, "diagonal": "zero", "heads": 1}
    | {"combine": "concat", "random_scores": False},
    interpolation.softmax: {"beta": 1.0},
    interpolation.spectral_density: {"activations": "tanh", "ratio": 0.5, "x": 0.2, "diagonal": "zero", "heads": 1}
    | {"combine": "concat", "random_scores": False},
    measure.answers_in_use: {"task": TASK},
    measure.certify: {**MEASURED, "dtype": "float32", "arithmetic": "float32"},
    measure.layer_parameters: {"model": MODEL},
    measure.divergence: {"model": HELD, "task": DISTRIBUTIONS, "dtype": "float32"},
    measure.divergences: {"pi": PI, "logits": LOGITS},
    measure.margins: {"logits": LOGITS, "answers": np.zeros(9, int)},
    measure.right_in: {**MEASURED, "order": next(iter(measure.ORDERS))},
    measure.verify: {**MEASURED, "dtypes": ("float32",)},
    **{
        function: {**MEASURED, "dtype": "float32"}
        for function in (
            measure.bits, measure.bits_hard, measure.bits_per_parameter, measure.certificates, measure.evidence,
            measure.margin, measure.memorized, measure.recall,
        )
    },
    **dict.fromkeys((measure.degrees_of_freedom, measure.jacobian_entries, measure.parameters_in_use), MEASURED),
    memory.compare: {"a": KEPT, "b": KEPT, "facts": TASK},
    memory.edit: {"memory": KEPT, "changes": [("0", "1", "2")], "seed": 0},
    memory.explain: {"memory": KEPT, "words": ["0", "1"]},
    memory.export: {"memory": KEPT, "to": "torch", "out": "export", "force": True},
    memory.forget: {"memory": KEPT, "facts": [TASK.words(0)[0]], "way": "closed", "golds": 1},
    memory.history: {"directory": "memory"},
    memory.organism: {"spec": "none.toml", "out": "organism", "force": True},
    memory.save: {"found": EDITED, "out": "edited", "force": True},
    memory.save_gold: {"found": FORGOTTEN, "out": "gold", "force": True},
    memory.score: {"directory": "organism", "method": "closed"},
    memory.undone: {"directory": "memory", "out": "undone", "force": True},
    models.load: {"path": "memory"},
    models.save: {"model": MODEL, "path": "weights", "metadata": {"seed": 1}},
    papers.check_scale: {"scale": "quick"},
    papers.figures: {"paper": "dana2025"},
    papers.reproduce: {"paper": "dana2025", "ids": ("fig1a",), "scale": "quick", "out": ".", "seed": 0, "force": False},
    plots.attribution_chart: {"explained": memory.explain(KEPT, ["0", "1"])},
    plots.capacity_check: {"task": TASK, "embedding_dim": 8, "head_dim": 8, "fit": FIT},
    plots.check_drawable: {"path": Path("x.svg"), "force": False},
    plots.interactive: {"chart": plots.capacity_check(TASK, 8), "name": "check"},
    plots.layers_chart: {"run": None},
    plots.plan_chart: {"plans": PLANS, "points": 2, "reach": 2},
    plots.runtime: {},
    plots.style: {},
    plots.save: {"chart": plots.capacity_check(TASK, 8), "path": "x.html", "force": True},
    plots.audit_chart: {"audit": None},
    plots.softmax_bottleneck: {"curves": {"a": [ENCODER]}, "title": "t"},
    plots.training_chart: {"run": None, "points": 3},
    ac.report.write: {"directory": "memory", "out": "page.html", "force": True},
    ac.report.write_audit: {"audit": None, "out": "audited", "force": True},
    scaling.before_saturation: {"accuracy": [0.1, 0.99], "threshold": 0.95},
    scaling.fit: {"x": X, "y": X / 9, "laws": ["linear"], "trials": 9, "errors": "absolute", "window": 0.9}
    | {"resamples": 0, "level": 0.9, "seed": 0},
    ac.sweep.export: {"directory": "store", "path": "x.csv", "force": True},
    ac.sweep.load: {"path": "grid.toml"},
    ac.sweep.register: {"name": "own", "reference": "module:function"},
    ac.sweep.run: {"grid": "grid.toml", "out": "none/here", "workers": None, "cluster": None}
    | {"retry_failed": False, "reuse": False},
    ac.sweep.status: {"directory": "store"},
    ac.sweep.table: {"directory": "store"},
    tasks.associations: {"sequences": [[0, 1]], "answers": [1], "vocabulary": 3, "surprisal": [1.0], "name": "a"}
    | {"kind": "random", "notes": ["n"]},
    tasks.digits: {"count": 20, "patch": 14, "seed": 0},
    tasks.distributions: {"pi": PI, "weight": None, "sequences": None, "vocabulary": None, "smoothing": 0.1}
    | {"name": "a", "kind": "array", "notes": ["n"]},
    tasks.examples: {"contexts": np.eye(3), "queries": np.eye(3), "labels": np.eye(3), "name": "a"},
    tasks.fact_distributions: {"source": "facts.csv", "subject": "s", "relation": "r", "object": "o"},
    tasks.facts: {"source": "facts.csv", "subject": "s", "relation": "r", "object": "o", "on_conflict": "first"},
    tasks.kind_of: {"source": "facts.csv"},
    tasks.load: {"source": "facts.csv", "subject": "s", "relation": "r", "object": "o", "on_conflict": "first"}
    | {"context": None, "seed": 0},
    tasks.load_distributions: {"source": "facts.csv", "subject": "s", "relation": "r", "object": "o"}
    | {"context": None, "vocabulary": None},
    tasks.next_tokens: {"path": "words.txt", "context": 2},
    tasks.random_associations: {"vocabulary": 10, "context": 2, "count": 5, "seed": 0},
    tasks.random_examples: {"count": 4, "context": 2, "embedding_dim": 3, "output_dim": 1, "shared": False, "seed": 0},
    tasks.text_distributions: {"path": "words.txt", "context": 2, "vocabulary": 5},
    tasks.uniform_examples: {"count": 4, "context": 2, "embedding_dim": 3, "classes": 2, "contexts": "permuted"}
    | {"bag": 3, "seed": 0},
    train.capacity: SIZES | {"head_dim": None, "heads": 1, "target": 1.0, "recipe": "none", "steps": 1, "seeds": 1}
    | {"seed": 0, "resolution": 0.5},
    train.ensemble: {"task": TASK, "embedding_dim": 4, "head_dim": 4, "heads": 1, "depth": 1, "width": 0, "seeds": 1}
    | {"recipe": "none", "steps": 1},
    train.examples: {"task": EXAMPLES, "head_dim": 4, "heads": 1, "seeds": 1, "recipe": "none", "steps": 1},
    train.trained_examples_capacity: {"context": 2, "embedding_dim": 3, "head_dim": 3, "heads": 1, "target": 0.9}
    | {"classes": 2, "contexts": "shared", "recipe": "none", "steps": 1, "seeds": 1, "seed": 0, "resolution": 0.5},
    train.memorize: {"task": TASK, "embedding_dim": 4, "head_dim": 5, "heads": 1, "dtype": "float32", "steps": 1}
    | {"seed": 0},
}  # fmt: skip
# What nobody reads a task, a model or an option from: helpers about errors, results and JSON, and hot loops.
HELPERS = {
    archive.write_files,
    archive.write_json,
    archive.read_json,
    archive.read_header,
    models.attend,
    models.chunks,
    archive.spelling,
    archive.replacing,
    archive.restore,
    archive.visible,
}
JUNK = [
    None, "a", "", 2.5, -1, 0, 10**30, 10**400, True, float("nan"), float("inf"), 1j, np.float64(1.5), np.int64(-3),
    b"x", (), [], [None], ["a", 2], {"a": None}, object(), np.zeros(0), np.full((2, 2), np.nan), np.array(["a"]),
    LARGER, LONGER, DISTRIBUTIONS, EXAMPLES, MODEL, FIT, Path("none"), len,
]  # fmt: skip

# Here a number that is right takes seconds.
DEAR = {
    plots.plan_chart,
    plots.save,
    construct.capacity,
    construct.perceptron_capacity,
    construct.smallest,
    interpolation.spectral_density,
    interpolation.resolvent,
}


def public() -> set:
    found = set()
    for part in (getattr(ac, name) for name in ac.__all__ if name not in ("result", "errors")):
        for name in getattr(part, "__all__", [name for name in vars(part) if not name.startswith("_")]):
            if inspect.isfunction(one := getattr(part, name, None)) and one.__module__.startswith("attncap."):
                found.add(one)
    return found - HELPERS - {archive.read_task, archive.write_task, archive.checked}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("junk")
    (folder / "facts.csv").write_text("s,r,o\nPeru,capital,Lima\nFiji,capital,Suva\n")
    (folder / "words.txt").write_text("one two three one two four one three two one")
    np.savez(folder / "layer.npz", contexts=np.eye(3), queries=np.eye(3))
    FIT.save(folder / "memory")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # Names that junk was registered under.
        patch.setattr("attncap.sweep.commands.COMMANDS", dict(COMMANDS))
        yield folder


def call(function, given: dict):
    """Call a function whose `*used` are given by name."""
    kinds = {name: one.kind for name, one in inspect.signature(function).parameters.items()}
    loose = [given[name] for name, kind in kinds.items() if kind is inspect.Parameter.VAR_POSITIONAL]
    return function(*loose, **{name: value for name, value in given.items() if not loose})


def test_every_public_function_is_called():
    assert public() == set(CALLS)
    for function, chosen in CALLS.items():
        named = {n for n, p in inspect.signature(function).parameters.items() if p.kind != p.VAR_KEYWORD}
        assert named <= chosen.keys()


def refused(function, junk: list) -> None:
    """Call a function with each argument in turn replaced by junk; whatever else it raises is a fault."""
    parameters = inspect.signature(function).parameters.values()
    loose = function in (bounds.evaluate, bounds.value)
    for name in CALLS[function] if loose else [one.name for one in parameters if one.kind != one.VAR_KEYWORD]:
        for one in junk:
            message = ""
            try:
                call(function, CALLS[function] | {name: one})
            except (InputError, UnmetError) as error:
                message = str(error)
            except Exception as error:
                raise AssertionError(f"{function.__name__}({name}={one!r}): {error!r}") from error
            assert "\n" not in message, f"{function.__name__}({name}={one!r})"


NAMED = pytest.mark.parametrize("function", CALLS, ids=lambda one: f"{one.__module__}.{one.__name__}")


@NAMED
@pytest.mark.filterwarnings("ignore")
def test_junk_is_refused_in_one_line(function, here):
    refused(function, [-1, "a", float("nan"), 10**30, [None], object()][: 3 if function in DEAR else 6])


@pytest.mark.slow
@NAMED
@pytest.mark.filterwarnings("ignore")
def test_all_junk_is_refused_in_one_line(function, here):
    refused(function, JUNK)


RECIPE = {"name": "own", "optimizer": "adam", "rate": 0.1, "final_rate": 0.1, "schedule": "cosine", "steps": 3}
MADE = {"vocabulary": 5, "context": 2, "embedding_dim": 3, "head_dim": 3, "heads": 1}
WEIGHTS = MODEL.tensors()
# Calls that were answered silently, or with an error of another kind; the option that is at fault.
FAULTS = {
    "a list for sequences": (lambda: MODEL.forward([[-1, 1]]), "sequences"),
    "a negative token": (lambda: MODEL.forward(np.array([[-1, 1]])), "sequences"),
    "one token of two": (lambda: MODEL.forward(np.array([[0]])), "sequences"),
    "three tokens of two": (lambda: MODEL.forward(np.array([[0, 1, 2]])), "sequences"),
    "no sequences": (lambda: MODEL.forward(np.array([])), "sequences"),
    "real tokens": (lambda: MODEL.forward(np.array([[0.0, 1.0]])), "sequences"),
    "half a dimension": (lambda: construct.encode(DISTRIBUTIONS, 2.5), "embedding_dim"),
    "half a token": (lambda: ERROR.simulate(tokens=2.5), "tokens"),
    "a negative rate": (lambda: train.Recipe(**RECIPE | {"rate": -1}), "rate"),
    "no steps": (lambda: train.Recipe(**RECIPE | {"steps": 0}), "steps"),
    "forget at 2": (lambda: train.Recipe(**RECIPE | {"forget_from": 2}), "forget_from"),
    "no such optimizer": (lambda: train.Recipe(**RECIPE | {"optimizer": "zzz"}), "optimizer"),
    "no such schedule": (lambda: train.Recipe(**RECIPE | {"schedule": "zzz"}), "schedule"),
    "a negative batch": (lambda: train.Recipe(**RECIPE | {"batch": -1}), "batch"),
    "a shape of text": (lambda: train.Architecture(**MADE | {"heads": "2"}), "heads"),
    "no trials": (lambda: scaling.fit(X, X / 9, trials=0), "trials"),
    "negative trials": (lambda: scaling.fit(X, X / 9, trials=-5), "trials"),
    "a window of nan": (lambda: scaling.fit(X, X / 9, window=float("nan")), "window"),
    "negative resamples": (lambda: scaling.fit(X, X / 9, resamples=-1), "resamples"),
    "a level of 2": (lambda: scaling.fit(X, X / 9, level=2), "level"),
    "x of 1e300": (lambda: scaling.fit(X * 1e300, X), "fit"),
    "x of 1e-300": (lambda: scaling.fit(X * 1e-300, X), "fit"),
    "two surprisals for a row": (lambda: tasks.associations([[0, 1]], [1], 3, surprisal=[1, 2]), "surprisal"),
    "a surprisal of nan": (lambda: tasks.associations([[0, 1]], [1], 3, surprisal=[np.nan]), "surprisal"),
    "a negative surprisal": (lambda: tasks.associations([[0, 1]], [1], 3, surprisal=[-1]), "surprisal"),
    "no such kind": (lambda: tasks.associations([[0, 1]], [1], 3, kind="zzz"), "kind"),
    "no such conflict": (lambda: tasks.facts([{"a": "x", "b": "y"}], on_conflict="zzz"), "on_conflict"),
    "complex contexts": (lambda: tasks.examples(np.eye(3) * 1j, np.eye(3), np.eye(3)), "contexts"),
    "masked contexts": (lambda: tasks.examples(np.ma.masked_equal(np.eye(3), 1), np.eye(3), np.eye(3)), "contexts"),
    "lists for weights": (lambda: type(MODEL)(**{k: v.tolist() for k, v in WEIGHTS.items()}), "embedding"),
    "whole weights": (lambda: type(MODEL)(**{k: v.astype(int) for k, v in WEIGHTS.items()}), "embedding"),
    "weights of nan": (lambda: type(MODEL)(**{k: v * np.nan for k, v in WEIGHTS.items()}), "embedding"),
    "weights of other sizes": (lambda: type(MODEL)(**WEIGHTS | {"key": np.ones((1, 2, 3))}), "key"),
    "mixed types": (lambda: type(MODEL)(**WEIGHTS | {"key": MODEL.key.astype("f4")}), "key"),
    "a dimension in text": (lambda: construct.theorem(TASK, "8"), "embedding_dim"),
    "a real dimension": (lambda: construct.theorem(TASK, np.float64(8)), "embedding_dim"),
    "no dimension": (lambda: construct.theorem(TASK, None), "embedding_dim"),
    "heads of text": (lambda: construct.theorem(TASK, 8, heads="a"), "heads"),
    "half a head": (lambda: construct.margin(TASK, 8, heads=2.5), "heads"),
    "NumPy's type": (lambda: construct.theorem(TASK, 8, dtype=np.float32), "dtype"),
    "no type": (lambda: MODEL.astype(None), "dtype"),
    "a negative seed": (lambda: construct.theorem(TASK, 8, seed=-1), "seed"),
    "a real seed": (lambda: construct.theorem(TASK, 8, seed=1.5), "seed"),
    "a name for a task": (lambda: construct.theorem("capitals"), "task"),
    "no task": (lambda: construct.theorem(None), "task"),
    "another kind of task": (lambda: construct.theorem(DISTRIBUTIONS), "task"),
    "real steps": (lambda: train.ensemble(TASK, 8, steps=2.5), "steps"),
    "no recipe": (lambda: train.ensemble(TASK, 8, recipe=None), "recipe"),
    "a task of more tokens": (lambda: measure.recall(MODEL, LARGER), "task"),
    "a task of longer sequences": (lambda: measure.bits(MODEL, LONGER), "task"),
    "more tokens to verify": (lambda: measure.verify(MODEL, LARGER), "task"),
    "half a vocabulary": (lambda: tasks.random_associations(2.5, 2, 3), "vocabulary"),
    "a vocabulary in text": (lambda: tasks.random_associations("5", 2, 3), "vocabulary"),
    "a vocabulary of nan": (lambda: tasks.random_associations(float("nan"), 2, 3), "vocabulary"),
    "a seed below zero": (lambda: tasks.random_associations(5, 2, 3, seed=-1), "seed"),
    "no ratios": (lambda: interpolation.error("tanh", ratio=[], ridge=1.0), "ratio"),
    "no activation": (lambda: interpolation.error(None, ratio=1.0, ridge=1.0), "activations"),
    "half a head of attention": (lambda: interpolation.error("tanh", ratio=1.0, ridge=1.0, heads=2.5), "heads"),
    "nothing to predict": (lambda: interpolation.predict(ERROR.attention, X[:0], X, X), "mean"),
    "no dimension to draw": (lambda: plots.capacity_check(TASK, embedding_dim=0), "embedding_dim"),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "option"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named(wrong, option, monkeypatch):
    # As outside the tests, where nothing else looks at types.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(InputError, match=rf"\b{option}\b.*(expected|must|holds).*") as caught:
        wrong()
    assert "\n" not in str(caught.value)
    assert not re.search("--[a-z]", str(caught.value))


def test_numpys_whole_numbers_are_whole():
    fit = construct.theorem(TASK, np.int64(8), heads=np.int32(2), seed=np.uint8(3))
    assert construct.theorem(TASK, 8, heads=2, seed=3).model == fit.model
    assert [type(number) for number in (fit.shape.heads, fit.seed)] == [int, int]


def test_the_optimizers_of_recipes_are_those_there_are():
    assert tuple(OPTIMIZERS) == NAMES


def test_recipes_take_what_they_are_made_of(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    assert replace(train.BEST, steps=np.int64(7)).steps == 7


@checked
def asked(count: Count, share: Share = 0.5, *rest: Seed, seed: Seed = 0, **more: Count) -> tuple:
    return count, share, rest, seed, more


@given(st.integers(1, 2**63 - 1), st.floats(0, 1), st.lists(st.integers(0, 9)), st.integers(0, 9))
def test_what_is_right_passes_unchanged(count, share, rest, more):
    assert asked(count, share, *rest, more=more + 1) == (count, share, tuple(rest), 0, {"more": more + 1})


@given(st.one_of(st.integers(max_value=0), st.floats(), st.text(), st.none(), st.booleans(), st.binary()))
def test_what_is_wrong_is_refused_wherever_it_stands(wrong):
    for place, keywords, name in (((wrong,), {}, "count"), ((1,), {"more": wrong}, "more")):
        with pytest.raises(InputError, match=f"^{name}: expected a(t most|t least 1| whole number of at least 1)"):
            asked(*place, **keywords)


def test_a_missing_argument_is_pythons_own_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'count'"):
        asked()


def test_words_and_rules_agree():
    for rule in (Range(1), Range(0, 1), Range(0, open=True), Range(0, 1, open=True), Numbers(0), Numbers()):
        assert "inf" not in str(rule)
        assert float("nan") not in rule
    assert allowed(3, Count)
    assert not allowed(True, Count)
    assert expected(Count | str) == "a whole number of at least 1 or a text"
