"""Results, tasks and models: what differs is unequal, copies and pickles are equal, and each says what it cites."""

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
import re

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import attncap
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
    scaling,
    sweep,
    tasks,
    train,
)
from attncap.audit.factual_memory import Holds
from attncap.commands.verify import Verified
from attncap.fits.shape import Shape
from attncap.result import Result, fingerprint, same
from attncap.train.associations.problem import Trained
from attncap.train.labelled.problem import TrainedLayer
from attncap.train.labelled.recipes import recipe_of
from attncap.train.loop.lanes import History

from . import reference_models
from .test_models import random_model


def subclasses(cls):
    return {one for child in cls.__subclasses__() for one in (child, *subclasses(child))}


for found in pkgutil.walk_packages(attncap.__path__, "attncap."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
CLASSES = {cls for cls in subclasses(Result) if not inspect.isabstract(cls) and cls.__module__.startswith("attncap.")}


def named(cls):
    """The class and where it is: several share a name."""
    return f"{cls.__module__.removeprefix('attncap.')}.{cls.__qualname__}"


def inside(thing):
    """The results that a result has, at any depth."""
    if dataclasses.is_dataclass(thing):
        thing = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    elif isinstance(thing, dict):
        thing = thing.values()
    for part in thing if not isinstance(thing, str | np.ndarray) and hasattr(thing, "__iter__") else ():
        if isinstance(part, Result):
            yield part
        yield from inside(part)


def of_memories(fit, home):
    """What is done with a memory."""
    kept = archive.read(fit.save(home / "memory"))
    asked, answer = fit.task.words(3)
    edited = memory.edit(kept, [(*asked, next(word for word in fit.task.vocabulary if word != answer))])
    score = memory.Score("000", "some", 2, True, 1.0, 0.5, 0.9, {"logits": 0, "turned": 0}, 1.0, 0.01)
    return [
        memory.forget(kept, [fit.task.words(row)[0] for row in (3, 7)]), edited, memory.compare(kept, edited.memory),
        memory.explain(kept, list(asked)), memory.Exported("m.onnx", "onnx", 2, 2, 1e-7, 17, np.ones(2)),
        memory.Organism("o", 4, 2), memory.Relearned(1, 1, 0), memory.Scores((score,)),
    ]  # fmt: skip


def of_audits(home):
    """What is found of a small model on random tokens, and of facts."""
    np.savez(home / "ids.npz", ids=np.random.default_rng(0).integers(0, 60, (40, 6)))
    folder = reference_models.write("llama", home / "llama")
    holds = {"mlp": Holds(9, 288.0, 18.0, 32.4)}
    recall = audit.FactRecall(
        "facts.csv", "of {subject}", 2, 0.5, 0.5, 1.0, 1.0, 2.0, 0.5, {"bits": 0.0, "evidence": 0.0}, holds,
        [("of Peru", "Lima", "a")],
    )  # fmt: skip
    return [audit.audit(folder, inputs=str(home / "ids.npz"), layers=[1], subsets=20), recall]


def of_trained_layers():
    """What gradient descent finds on labelled examples, its numbers made up."""
    task = tasks.uniform_examples(8, context=3, embedding_dim=4, classes=2)
    shape = train.LayerArchitecture(3, 4, 4, 2, 2)
    sizes = {
        "embedding": (4, 4), "embedding_bias": (4,), "query": (2, 4, 4), "key": (2, 4, 4), "value": (2, 1, 4),
        "output": (2, 2, 1), "decoder": (2, 2), "decoder_bias": (2,),
    }  # fmt: skip
    model = models.EmbeddedAttention(**{name: np.ones(size, np.float32) for name, size in sizes.items()})
    half = np.array([1.0, 0.5])
    run = train.LayerEnsemble(
        task=task, shape=shape, method="train", details={}, seconds=3.0, recipe=recipe_of("best", None), seeds=(0, 1),
        parameters=90, accuracy=half, loss=half, bits=half, bits_per_parameter=half, steps=np.array([5, 6]),
        seconds_compile=1.0, seconds_train=2.0, history=History(*np.zeros((2, 7, 2))), looks=([], []),
        models=(model, model),
    )  # fmt: skip
    capacity = train.TrainedExamplesCapacity(
        kind="examples", method="train", capacity=9, bracket=(9, 10), theorem=5, shared_limit=5, features=8,
        degrees_of_freedom=20, seeds=(9, 9), target=0.99, recipe="best", tried={9: 1.0}, parameters=90, bits=9.0,
        bits_per_parameter=0.1, dtype="float32", seconds=1.0,
    )  # fmt: skip
    return [run, capacity, TrainedLayer(1.0, 0.1, 8.0, 0.1, 90, 5, model)]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """One of each class."""
    home = tmp_path_factory.mktemp("results")
    task = tasks.random_associations(8, 2, 20)
    several = tasks.distributions(np.full((4, 3), 1 / 3), sequences=[[0, 1], [1, 0], [2, 0], [0, 2]])
    labelled = tasks.random_examples(8, 4, 6)
    fit = construct.theorem(task, embedding_dim=8)
    peer = construct.perceptron(task, 4, 8, method="joint")
    plans = bounds.plan(associations=100, vocabulary=50, context=2)
    promises = bounds.evaluate(heads=2, head_dim=4, embedding_dim=4)
    predicted = interpolation.error("tanh", ratio=[0.5, 2.0], ridge=1.0, snr=1.0).simulate(20, 2)
    fitted = scaling.fit([1.0, 2, 3, 4], [2.0, 4, 6, 8], laws=["linear"], resamples=10)
    model = fit.model.astype("float32")
    layer = construct.examples(labelled, heads=4)
    stacked = {name: part[None] if part.ndim == 3 else part for name, part in model.tensors().items()}
    units = {
        name: np.ones(size, np.float32) for name, size in {"up": (1, 5, 8), "bias": (1, 5), "down": (1, 8, 5)}.items()
    }
    history = History(*np.zeros((2, 7, 2)))
    architecture = train.Architecture(8, 2, 8, 8, model.heads)
    half = np.array([1.0, 0.5])
    run = train.Ensemble(
        task=task, shape=architecture, recipe=train.BEST, seeds=(0, 1), parameters=9, accuracy=half, recall=half,
        bits=half, bits_per_parameter=half, steps=np.array([5, 6]), seconds_compile=1.0, seconds_train=2.0, seconds=3.0,
        method="train", details={}, history=history, checkpoints=([], []), models=(model, model),
    )  # fmt: skip
    found = fits.Capacity("associations", "margin", 9, (9, 10), 5, 6, (9, 9), 1.5, 50.0, 0.2, "float32", 1.0, False)
    made = [
        task, several, labelled, fit, plans, promises, predicted, interpolation.softmax(1.0), fitted, model,
        models.Transformer(**stacked, **units), layer, run, Trained(1.0, 1.0, 9.0, 1.0, 9, 5, model), found,
        train.TrainedCapacity(**vars(found), recipe="best", target=1.0, tried={9: 1.0}),
        construct.distribution(several, embedding_dim=2), construct.encode(several, embedding_dim=2),
        construct.examples_capacity(heads=1, context=2, embedding_dim=3, seeds=1),
        archive.Answer(("a", "b"), "c", 0.5, None), archive.Miss(("a",), "b", "c"),
        archive.Examination(2, 1, 0.5, 0.1, (archive.Miss(("a",), "b", "c"),)),
        papers.Reproduced("table1", {"a": 1}, {"a": 2.0}, []), papers.Reproduction("dana2025", "quick", []),
        measure.memorized(model, task), measure.certify(model, task),
        Shape(4, 2, 1, 9, {"query": 9}, 2), Verified("m", 4, "float32", fit.recall["float32"], None, ()),
        sweep.Sweep(2, 1, 1, 0, 0, 0, 1.0, "s"), sweep.Status(2, 1, 1, 0, False, None, None, {}, ()),
        peer.model, peer.shape, fits.Peers(fit, peer, 8, 8, {"attention": 1, "perceptron": 1}),
        *of_memories(construct.theorem(task, embedding_dim=8, heads=8), home), *of_audits(home), *of_trained_layers(),
    ]  # fmt: skip
    # What a case has inside is a case too, unless its class has one of its own.
    return {type(one): one for one in [*inside(made), *made]}


@pytest.fixture(params=sorted(CLASSES, key=named), ids=named)
def one(request, results):
    assert request.param in results, f"{named(request.param)} is a result without a case in this table"
    return results[request.param]


def test_copies_and_pickles_are_equal(one):
    for again in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert (one == again) is True
        assert hash(one) == hash(again)
        assert len({one, again}) == 1


def changed(value):
    """The same kind of thing, another value."""
    match value:
        case np.ndarray() if value.size:
            other = value.copy()
            other.flat[-1] = not other.flat[-1] if other.dtype == bool else other.flat[-1] + other.dtype.type(1)
            return other
        case bool():
            return not value
        case int() | float():
            return value + 1 if np.isfinite(value) else 0.0
        case str():
            return value + "x"
        case tuple() | list():
            return type(value)([changed(value[0]), *value[1:]]) if value else type(value)([0])
        case dict():
            return {**value, "other": 1}
    if dataclasses.is_dataclass(value):
        return altered(value, dataclasses.fields(value)[0].name)
    return 0 if value is None else None


def altered(thing, name):
    other = copy.copy(thing)
    object.__setattr__(other, name, changed(getattr(thing, name)))
    return other


def test_every_field_tells_apart(one):
    for field in dataclasses.fields(one):
        other = altered(one, field.name)
        assert (one == other) is False, field.name
        assert hash(one) != hash(other), field.name
        assert len({one, other}) == 2


def test_a_result_compares_with_its_own_class_only(one):
    assert one != 3
    assert one != object()


def test_results_print_themselves_short(one):
    assert repr(one).startswith(f"{type(one).__name__}(")
    assert "\n" not in repr(one)
    if isinstance(one, models.Model | fits.Found | tasks.Associations | tasks.Examples | tasks.Distributions):
        assert len(repr(one)) < 200


def test_reprs_of_tasks_and_models_give_the_sizes(results):
    assert repr(results[tasks.Associations]) == "Associations('random:8,2,20', 'random', T=20, N=8, S=2, 60 bits)"
    assert repr(results[tasks.Examples]) == "Examples('random examples: n=4, d=6', T=8, n=4, d=6, d_out=1)"
    assert repr(results[tasks.Distributions]) == "Distributions('distributions', 'array', T=4, N=3, S=2)"
    assert "(N=7, d=4, S=3, H=5, r=2, dh=2, float64, 228 parameters)" in repr(random_model())
    assert "recalled 100.00%" in repr(results[construct.Fit])


def test_tasks_and_models_that_differ_are_unequal():
    first, other = (tasks.random_associations(50, 2, 100, seed) for seed in (0, 1))
    assert first == tasks.random_associations(50, 2, 100, 0)
    assert first != other
    assert len({first, other}) == 2
    model = random_model()
    assert model != model.astype("float32") != random_model(seed=1).astype("float32")
    shared = tasks.random_examples(10, 3, 4, shared=True)
    whole = dataclasses.replace(shared, contexts=shared.contexts.copy())
    assert shared == whole
    assert hash(shared) == hash(whole)


def test_no_class_compares_on_its_own():
    assert CLASSES
    for cls in CLASSES:
        assert cls.__eq__ is Result.__eq__, cls
        assert cls.__hash__ is Result.__hash__, cls


numbers = arrays(
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([(0,), (3,), (2, 2)]),
    elements=st.sampled_from([0.0, -0.0, 1.0, np.nan]),
)


@given(numbers, numbers)
@settings(deadline=None)
def test_arrays_are_the_same_where_numpy_says_so(first, other):
    expected = first.dtype == other.dtype and np.array_equal(first, other, equal_nan=True)
    for wrap in (lambda x: x, lambda x: {"a": [x]}, lambda x: (1, jnp.asarray(x)) if x.dtype == np.float32 else (1, x)):
        assert same(wrap(first), wrap(other)) == expected
        assert not expected or fingerprint(wrap(first)) == fingerprint(wrap(other))


def test_same_knows_kinds():
    nan = float("nan")
    assert same({"a": nan, "b": (1, [np.nan])}, {"b": (1, [nan]), "a": nan})
    assert same(np.float64(1.0), 1.0)
    assert same(np.float64(1.0), [1.0, 2.0]) is False
    for first, other in [
        ([1], (1,)),
        ({"a": 1}, {"a": 1, "b": 2}),
        (np.zeros(1), 0.0),
        (np.zeros(1), [0.0]),
        (nan, 1.0),
    ]:
        assert not same(first, other)
        assert not same(other, first)


def keys(*used):
    return re.findall(r"@\w+{(\w+),", attncap.citation(*used))


def test_every_result_can_be_cited(one):
    assert keys(one)
    assert isinstance(one.cites, tuple)


def test_results_cite_what_they_rest_on(results):
    expected = {
        construct.Fit: ["dana2025"],
        construct.DistributionFit: ["dana2025", "attncap"],
        construct.Encoder: ["dana2025", "attncap"],
        construct.ExamplesFit: ["attncap", "mahdavi2024"],
        construct.ExamplesCapacity: ["mahdavi2024", "attncap"],
        construct.Capacity: ["attncap", "dana2025"],
        train.TrainedCapacity: ["attncap", "dana2025"],
        train.Ensemble: ["attncap", "dana2025"],
        train.LayerEnsemble: ["attncap", "mahdavi2024"],
        train.TrainedExamplesCapacity: ["mahdavi2024", "attncap"],
        audit.Audit: ["mahdavi2024", "liao2025"],
        audit.FactRecall: ["attncap", "allenzhu2025", "morris2025"],
        interpolation.Interpolation: ["liao2025"],
        papers.Reproduction: ["dana2025"],
        measure.Recall: ["attncap"],
        models.Transformer: ["dana2025"],
        models.AttentionLayer: ["mahdavi2024"],
    }
    assert {cls: keys(results[cls]) for cls in expected} == expected
    by_theorem = construct.examples(tasks.random_examples(8, 4, 6), heads=4, method="theorem")
    assert keys(by_theorem) == ["mahdavi2024"]
    with pytest.raises(attncap.errors.InputError, match="expected a name or a result, got object"):
        attncap.citation(object())


def test_every_fit_is_found_alike(results, tmp_path):
    kinds = [cls for cls in CLASSES if issubclass(cls, fits.Found)]
    assert {cls.__name__ for cls in kinds} >= {"Fit", "DistributionFit", "ExamplesFit", "Ensemble", "LayerEnsemble"}
    for cls in kinds:
        one = results[cls]
        assert one.model.heads == one.shape.heads
        assert one.model.embedding_dim == one.shape.embedding_dim
        assert one.dtype in models.DTYPES
        assert isinstance(one.seed, int)
        assert all(0 <= share <= 1 for share in one.recalled)
        assert {"task", "shape", "method", "details", "seconds"} <= one.to_dict().keys()
        if isinstance(one.task, tasks.Examples):
            with pytest.raises(attncap.errors.InputError, match="memorized associations, got Examples"):
                one.save(tmp_path / cls.__name__)
        else:
            kept = archive.read(one.save(tmp_path / cls.__name__))
            assert kept.model == one.model.astype(one.dtype)
            assert kept.result["method"] == one.method


def test_an_ensemble_keeps_the_model_that_recalls_most(results):
    run = dataclasses.replace(results[train.Ensemble], recall=np.array([0.1, 0.9]), seeds=(3, 7))
    assert run.seed == 7
    assert run.recalled == (0.1, 0.9)


def test_a_softmax_and_functions_that_pickle_can_find_are_sent_whole():
    for activation in (
        interpolation.softmax(0.5),
        interpolation.activation("max(t, 0) + t**3"),
        interpolation.activation(np.tanh),
    ):
        again = pickle.loads(pickle.dumps(activation))
        assert again == activation
        t = np.linspace(-3, 3, 7)
        np.testing.assert_array_equal(again.function(t), activation.function(t))


def test_a_notebook_shows_a_short_table(one):
    shown = one._repr_html_()
    assert shown.count("<table>") == shown.count("</table>")
    assert shown
    assert shown.count("<tr>") < 200
    assert set(re.findall(r"<(/?\w+)", shown)) <= {"table", "/table", "tr", "/tr", "th", "/th", "td", "/td", "p", "/p"}


def test_a_notebook_shows_no_users_text_as_markup():
    hostile = "<script>x</script>&\x1b[2J"
    task = tasks.associations([[0, 1]], [1], [hostile, "b"], name=hostile)
    for one in (task, archive.Answer((hostile,), hostile, 0.5, None), papers.Reproduced(hostile, {hostile: 1}, {}, [])):
        shown = one._repr_html_()
        assert "<script>" not in shown
        assert "\x1b" not in shown
        assert "&lt;script&gt;" in shown


def test_reprs_stay_on_a_screen(one):
    assert len(repr(one)) < 1200


def test_a_model_shows_its_sizes(results):
    for cls in (models.AttentionOnlyTransformer, models.Transformer, models.AttentionLayer):
        shown = results[cls]._repr_html_()
        assert "<td>parameters.total</td>" in shown
        assert f"<td>{results[cls].parameters['total']}</td>" in shown
        assert "<td>float" in shown


def test_a_fit_is_asked_as_it_would_be_saved(results, tmp_path):
    fit = construct.theorem(
        tasks.facts([{"country": "Peru", "capital": "Lima"}, {"country": "Fiji", "capital": "Suva"}]), 8
    )
    assert str(fit.ask(["Peru", "capital"])).startswith("Lima  (margin")
    assert fit.ask(["Peru", "capital"]) == archive.read(fit.save(tmp_path / "memory")).ask(["Peru", "capital"])
    with pytest.raises(attncap.errors.InputError, match="memorized associations, got Examples"):
        results[construct.ExamplesFit].ask(["a"])


def test_tasks_have_a_length_and_a_frame(results):
    task, several, labelled = (results[cls] for cls in (tasks.Associations, tasks.Distributions, tasks.Examples))
    assert [len(each) for each in (task, several, labelled)] == [20, 4, 8]
    for each in (task, several, labelled):
        assert len(each.frame()) == len(each)
    assert task.frame()["bits"].sum() == pytest.approx(task.bits)
    assert tuple(task.frame()["sequence"][3].to_list()) == task.words(3)[0]
    np.testing.assert_allclose(np.array(several.frame()["pi"].to_list()), several.pi)
    np.testing.assert_allclose(np.array(labelled.frame()["label"].to_list()), labelled.labels)


def test_examples_score_as_estimators_do():
    task = tasks.random_examples(8, 4, 6)
    fit = construct.examples(task, heads=4)
    assert fit.score(task.contexts, task.queries, task.labels) == pytest.approx(1)
    assert fit.score(task.contexts, task.queries, task.labels[:, 0]) == pytest.approx(1)
    # The mean of the labels explains nothing of them.
    middle = np.tile(task.labels.mean(axis=0), (8, 1))
    wrong = dataclasses.replace(fit, model=dataclasses.replace(fit.model, output=np.zeros_like(fit.model.output)))
    assert wrong.score(task.contexts, task.queries, task.labels - middle) == pytest.approx(0)
    again = construct.examples(task, **fit.get_params())
    assert again.model == fit.model
    classes = np.array([True, False] * 4)
    sorted_out = construct.examples(tasks.examples(task.contexts, task.queries, classes), heads=4)
    assert sorted_out.score(task.contexts, task.queries, classes) == 1.0
    assert sorted_out.score(task.contexts, task.queries, ~classes) == 0.0
    real = tasks.examples(task.contexts, task.queries, np.arange(8.0) / 7)
    assert real.labels.shape == (8, 1)


def test_completion_offers_what_is_ours():
    for name in attncap.__all__:
        part = getattr(attncap, name)
        for offered in dir(part) if inspect.ismodule(part) else []:
            # The tests' own check of shapes leaves its name.
            if not offered.startswith("_") and offered not in (*part.__all__, "jaxtyping"):
                module = inspect.getmodule(getattr(part, offered)) or attncap
                assert module.__name__.startswith("attncap"), f"{name}.{offered}"
    assert set(attncap.__all__) <= set(dir(attncap))
