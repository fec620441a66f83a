"""What arguments may be: every public function answers, or says in one line what it wanted."""

import inspect
from pathlib import Path

import numpy as np
import pytest

import attncap as ac
from attncap import (
    archive,
    bounds,
    construct,
    fits,
    interpolation,
    measure,
    models,
    papers,
    plots,
    scaling,
    tasks,
    train,
)
from attncap.errors import InputError, UnmetError

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
    | {"head_dim": 8, "data_rank": 9, "queries": 5, "answers": 5, "constants": {"morris2025": 3.6}, "task": None},
    bounds.evaluate: {"constants": {"morris2025": 3.6}, "heads": 2, **SIZES, "head_dim": 8},
    bounds.value: {"id": "dana2025", "heads": 2, "head_dim": 8, "embedding_dim": 8},
    bounds.citation: {"used": "theorem"},
    construct.capacity: SIZES | {"vocabulary": 4, "embedding_dim": 4, "head_dim": 4, "heads": 1, "seeds": 1, "seed": 0}
    | {"method": "margin", "dtype": "float32", "train_attention": False},
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
    construct.margin: {"task": TASK, "embedding_dim": 8, "head_dim": 8, "heads": 2, "query_key_rank": 2}
    | {"dtype": "float32", "seed": 0, "train_attention": False, "certify": False},
    construct.theorem: {"task": TASK, "embedding_dim": 8, "head_dim": 8, "heads": 2, "query_key_rank": 2}
    | {"dtype": "float32", "seed": 0},
    fits.bits_per: {"bits": 3.0, **MEASURED, "dtype": "float32", "method": "theorem"},
    fits.capacity_of: {"task": TASK, "embedding_dim": 8, "head_dim": 8, "heads": 2},
    fits.check_shape: {"embedding_dim": 8, "head_dim": 8, "heads": 2, "dtype": "float32", "query_key_rank": 2},
    fits.counts: {**MEASURED, "dtype": "float32", "method": "theorem"},
    fits.data_parameters: {**MEASURED, "method": "theorem"},
    fits.least_heads: {"task": TASK, "embedding_dim": 8, "head_dim": 8, "slack": 1, "bound": "corrected"},
    fits.shortfall: {"recall": FIT.recall["float32"], "task": TASK, "dtype": "float32", "heads": 2},
    fits.summarize: {**MEASURED, "dtype": "float32", "method": "theorem"}
    | {"capacity": {}, "details": {}, "seed": 0, "seconds": 0.0},
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
    measure.divergence: {"model": HELD, "task": DISTRIBUTIONS, "dtype": "float32"},
    measure.divergences: {"pi": PI, "logits": LOGITS},
    measure.margins: {"logits": LOGITS, "answers": np.zeros(9, int)},
    measure.right_in: {**MEASURED, "order": "pairwise"},
    measure.verify: {**MEASURED, "dtypes": ("float32",)},
    **{
        function: {**MEASURED, "dtype": "float32"}
        for function in (measure.bits, measure.bits_hard, measure.bits_per_parameter, measure.certificates)
        + (measure.evidence, measure.margin, measure.memorized, measure.recall)
    },
    **dict.fromkeys((measure.degrees_of_freedom, measure.jacobian_entries, measure.parameters_in_use), MEASURED),
    models.load: {"path": "memory"},
    models.save: {"model": MODEL, "path": "weights", "metadata": {"seed": 1}},
    papers.check_scale: {"scale": "quick"},
    papers.figures: {"paper": "dana2025"},
    papers.reproduce: {"paper": "dana2025", "ids": ("fig1a",), "scale": "quick", "out": ".", "seed": 0, "force": False},
    plots.capacity_check: {"task": TASK, "embedding_dim": 8, "head_dim": 8, "fit": FIT},
    plots.check_drawable: {"path": Path("x.svg"), "force": False},
    plots.plan_chart: {"plans": PLANS, "points": 2, "reach": 2},
    plots.save: {"chart": plots.capacity_check(TASK, 8), "path": "x.html", "force": True},
    plots.softmax_bottleneck: {"curves": {"a": [ENCODER]}, "title": "t"},
    plots.training_chart: {"run": None, "points": 3},
    ac.report.write: {"directory": "memory", "out": "page.html", "force": True},
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
    tasks.load: {"source": "facts.csv", "subject": "s", "relation": "r", "object": "o", "on_conflict": "first"}
    | {"context": None, "seed": 0},
    tasks.load_distributions: {"source": "facts.csv", "subject": "s", "relation": "r", "object": "o"}
    | {"context": None, "vocabulary": None},
    tasks.next_tokens: {"path": "words.txt", "context": 2},
    tasks.random_associations: {"vocabulary": 10, "context": 2, "count": 5, "seed": 0},
    tasks.random_examples: {"count": 4, "context": 2, "embedding_dim": 3, "output_dim": 1, "shared": False, "seed": 0},
    tasks.text_distributions: {"path": "words.txt", "context": 2, "vocabulary": 5},
    train.capacity: SIZES | {"head_dim": None, "heads": 1, "target": 1.0, "recipe": "none", "steps": 1, "seeds": 1}
    | {"seed": 0, "resolution": 0.5},
    train.ensemble: {"task": TASK, "embedding_dim": 4, "head_dim": 4, "heads": 1, "depth": 1, "width": 0, "seeds": 1}
    | {"recipe": "none", "steps": 1},
    train.memorize: {"task": TASK, "embedding_dim": 4, "head_dim": 5, "heads": 1, "dtype": "float32", "steps": 1}
    | {"seed": 0},
}  # fmt: skip
# What nobody reads a task, a model or an option from: helpers about errors, results and JSON, and hot loops.
HELPERS = {models.attend, models.chunks, archive.spelling, archive.replacing, archive.restore, archive.visible}
JUNK = [
    None, "a", "", 2.5, -1, 0, 10**30, True, float("nan"), float("inf"), 1j, np.float64(1.5), np.int64(-3), b"x", (),
    [], [None], ["a", 2], {"a": None}, object(), np.zeros(0), np.full((2, 2), np.nan), np.array(["a"]), LARGER, LONGER,
    DISTRIBUTIONS, EXAMPLES, MODEL, FIT, Path("none"), len,
]  # fmt: skip


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
    FIT.save(folder / "memory")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def call(function, given: dict):
    """Call a function whose `*used` are given by name."""
    kinds = {name: one.kind for name, one in inspect.signature(function).parameters.items()}
    loose = [given[name] for name, kind in kinds.items() if kind is inspect.Parameter.VAR_POSITIONAL]
    return function(*loose, **{name: value for name, value in given.items() if not loose})


def test_every_public_function_is_called():
    assert public() == set(CALLS)
    for function, given in CALLS.items():
        assert {n for n, p in inspect.signature(function).parameters.items() if p.kind != p.VAR_KEYWORD} <= set(given)


@pytest.mark.parametrize("function", CALLS, ids=lambda one: f"{one.__module__}.{one.__name__}")
@pytest.mark.filterwarnings("ignore")
def test_junk_is_refused_in_one_line(function, here):
    for name in CALLS[function]:
        for junk in JUNK:
            try:
                call(function, CALLS[function] | {name: junk})
            except (InputError, UnmetError) as error:
                assert "\n" not in str(error), f"{name}={junk!r}"
            except Exception as error:
                raise AssertionError(f"{function.__name__}({name}={junk!r}): {error!r}") from error
