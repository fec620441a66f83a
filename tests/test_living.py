"""Facts of written weights change and are forgotten; every other fact stays, and the folder forgets too."""

import contextlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.optimize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import attncap as ac
from attncap import archive, construct, files, measure, memory, tasks, train
from attncap.construct.associations.random_attention import draw
from attncap.errors import InputError, UnmetError
from attncap.memory.gold import quiet
from attncap.memory.ledger import BEFORE, HISTORY
from attncap.memory.step import smallest_step
from attncap.memory.system import System
from attncap.memory.vocabularies import shrunk
from attncap.memory.ways import Forgetting
from attncap.models import Transformer

from .command import run
from .faults import interrupt, strike

COUNTRIES = ("Peru", "Fiji", "Chad", "Oman", "Cuba", "Mali", "Iran", "Laos", "Togo", "Guam", "Malta", "Nauru")


def table(count=12):
    """Facts in words: two relations, one whose answers all differ and one of three answers."""
    rows = [{"country": c, "capital": f"{c} City", "sea": f"sea {at % 3}"} for at, c in enumerate(COUNTRIES[:count])]
    return tasks.facts(rows)


def model_of(kind, task=None, seed=0):
    task = task or table()
    if kind == "theorem":
        # With room for two more facts.
        return construct.theorem(task, 8, heads=3, seed=seed)
    if kind == "margin":
        return construct.margin(task, 8, heads=2, seed=seed)
    return train.memorize(task, 8, heads=2, seed=seed)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A memory of each kind."""
    home = tmp_path_factory.mktemp("written")
    return {kind: archive.read(model_of(kind).save(home / kind)) for kind in ("theorem", "margin", "train")}


# Changed, added and as it is: only a theorem's memory has the room for it.
WANTED = [
    ("Fiji", "capital", "Suva"),
    ("Chad", "sea", "sea 0"),
    ("Bali", "capital", "Ubud"),
    ("Peru", "sea", "sea 0"),
]
KINDS = pytest.mark.parametrize("kind", ["theorem", "margin", "train"])


def copied(held, tmp_path):
    return archive.read(shutil.copytree(held.path, tmp_path / "m"))


def answers(held):
    """Every fact of the ledger with what the weights say, by a forward pass in one piece."""
    said = held.model.ready().forward(held.task.sequences).argmax(axis=1)
    return [(held.task.words(row), held.task.vocabulary[token]) for row, token in enumerate(said.tolist())]


def all_right(held):
    return all(stored == said for (_, stored), said in answers(held))


# The linear system


def perceptrons():
    rng = np.random.default_rng(0)
    task = tasks.load("random:8,3,20")
    shapes = {"N": 8, "S": 3, "L": 2, "H": 2, "r": 3, "dh": 3, "d": 4, "w": 5}
    made = {
        name: rng.standard_normal([shapes[letter] for letter in letters])
        for name, letters in Transformer.shapes().items()
    }
    return [(Transformer(**made, score_scale=0.5, residual_position=residual), task) for residual in (True, False)] + [
        (replace(Transformer(**made), up=np.zeros((2, 0, 4)), bias=np.zeros((2, 0)), down=np.zeros((2, 4, 0))), task)
    ]


@pytest.mark.parametrize("which", range(4))
def test_an_encoding_is_linear_in_the_last_map_and_the_sum_of_its_parts(which):
    fit = construct.theorem(tasks.load("random:8,3,20"), 4, 3)
    model, task = [*perceptrons(), (fit.model, fit.task)][which]
    carried, features = model.split(task.sequences)
    encoded = model.encode(task.sequences)
    np.testing.assert_allclose(carried + features @ model.readout, encoded, atol=1e-12)
    np.testing.assert_allclose(sum(model.parts_of(task.sequences).values()), encoded, atol=1e-12)
    twice = model.with_readout(2 * model.readout)
    np.testing.assert_allclose(twice.encode(task.sequences), carried + 2 * features @ model.readout, atol=1e-12)
    assert model.with_readout(model.readout) == model


@pytest.mark.parametrize(("count", "heads"), [(60, 8), (60, 2)])
def test_directions_are_those_of_the_pseudoinverse(count, heads):
    """One moves its fact by 1 and no other that is chosen, with the least effect on the others."""
    task = tasks.load(f"random:20,2,{count}")
    system = System.of(draw(task, 8, 8, heads, 3.0, 0), task)
    rows = np.array([3, 11, 40])
    directions = system.directions(rows)
    effect = system.matrix @ directions
    np.testing.assert_allclose(effect[rows], np.eye(3), atol=1e-9)
    others = np.delete(effect, rows, axis=0)
    if system.wide:
        assert abs(others).max() < 1e-8
        return
    gram = system.matrix.T @ system.matrix
    reach = np.linalg.pinv(gram) @ system.matrix[rows].T
    np.testing.assert_allclose(directions, reach @ np.linalg.inv(system.matrix[rows] @ reach), atol=1e-6)
    # One alone leaks by its leverage.
    alone = system.directions(rows[:1])
    leverage = float((system.matrix[3] @ np.linalg.pinv(gram) @ system.matrix[3]).item())
    assert system.leak(alone, rows[:1]) == pytest.approx(1 / leverage - 1, rel=1e-6)


@pytest.mark.parametrize("kind", ["theorem", "margin", "train"])
def test_margins_from_the_factored_features_are_those_of_a_forward_pass(written, kind):
    held = written[kind]
    system = System.of(held.model, held.task)
    rng = np.random.default_rng(0)
    readout = held.model.readout + rng.standard_normal(held.model.readout.shape).astype(np.float32)
    changed = replace(held.model.with_readout(readout), unembedding=2 * held.model.unembedding)
    for model in (held.model, changed):
        np.testing.assert_allclose(system.margins(model, held.task), measure.margin(model, held.task), rtol=1e-4)
    # Another attention has other features.
    turned = replace(held.model, query=held.model.query[::-1].copy())
    np.testing.assert_array_equal(system.margins(turned, held.task), measure.margin(turned, held.task))
    finer = held.model.astype("float64")
    np.testing.assert_array_equal(system.margins(finer, held.task), measure.margin(finer, held.task))


@pytest.mark.parametrize(("kind", "unused"), [("margin", "descended_whole"), ("train", "descended")])
def test_what_was_descended_as_a_whole_is_changed_as_a_whole_first(written, kind, unused, monkeypatch):
    def refused(*given):
        raise AssertionError(unused)

    monkeypatch.setattr(f"attncap.memory.editing.{unused}", refused)
    found = memory.edit(written[kind], WANTED)
    assert found.method == "descent"
    assert all_right(found.memory)


@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(2, 5), margin=st.floats(0.01, 10))
@settings(max_examples=20, deadline=None)
def test_a_step_is_the_shortest(seed, dim, margin):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((7, dim))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    start = rng.standard_normal(dim)
    step = smallest_step(start, rows, 0, margin, np.arange(7))
    lead = (rows[0] - rows[1:]) @ (start + step)
    assert lead.min() >= margin * (1 - 1e-5)
    constraint = {"type": "ineq", "fun": lambda x: (rows[0] - rows[1:]) @ (start + x) - margin}
    best = scipy.optimize.minimize(lambda x: x @ x, step, constraints=constraint, method="SLSQP")
    assert step @ step <= best.fun * (1 + 1e-3) + 1e-8


def test_an_answer_inside_the_others_cannot_lead():
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert smallest_step(np.ones(2), rows, 0, 1.0, np.arange(4)) is None


# Edit


@KINDS
def test_facts_change_and_are_added_and_all_others_stay(written, kind):
    held = written[kind]
    found = memory.edit(held, WANTED)
    assert (found.changed, found.added, found.unchanged) == (2, 1, 1)
    assert found.kept == found.others == held.task.associations - 2
    assert set(found.tokens) == {"Suva", "Bali", "Ubud"}
    assert found.method == ("closed form" if kind == "theorem" else "descent")
    now = found.memory
    assert now.model.dtype == "float32"
    assert all_right(now)
    assert now.task.associations == held.task.associations + 1
    for subject, relation, answer in WANTED:
        assert now.ask([subject, relation]).answer == answer
    # The memory that was given is as it was.
    assert held.ask(["Fiji", "capital"]).answer == "Fiji City"
    assert found.recall.min_margin == pytest.approx(measure.margin(now.model, now.task).min())
    assert now.result["recall"]["float32"]["correct"] == now.task.associations
    assert now.result["bits"] == pytest.approx(now.task.bits)


def test_a_closed_form_keeps_every_other_logit_and_the_smallest_margin():
    fit = construct.theorem(tasks.load("random:50,2,300"), 10)
    held = archive.Archive(Path("m"), fit.model, fit.task, fit.to_dict(), True, {"method": "theorem"})
    changed = [(*fit.task.words(row)[0], "7") for row in range(0, 40, 2)]
    found = memory.edit(held, changed)
    assert found.method == "closed form"
    assert found.leak < 1e-6
    assert found.margins["after"] >= 0.99 * found.margins["before"]
    rows = np.delete(np.arange(300), np.arange(0, 40, 2))
    before, after = (model.forward(fit.task.sequences[rows]) for model in (fit.model, found.memory.model))
    # The answers' rows stay as they are, in another gauge.
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_an_editor_factors_once(monkeypatch, written):
    editor = memory.Editor(written["theorem"])
    editor.edit([("Fiji", "capital", "Suva")])
    monkeypatch.setattr(System, "of", lambda *_: pytest.fail("it was factored again"))
    assert editor.edit([("Peru", "capital", "Cusco")]).kept == 23
    assert all_right(editor.memory)
    assert editor.memory.ask(["Fiji", "capital"]).answer == "Suva"


def test_a_perceptron_s_memory_is_edited():
    task = table(8)
    found = train.ensemble(task, 8, heads=2, depth=1, width=16, seeds=1, steps=600)
    model = found.models[0]
    assert measure.recall(model, task).accuracy == 1.0
    held = archive.Archive(Path("m"), model, task, {}, True, {"method": "train"})
    now = memory.edit(held, [("Fiji", "capital", "Suva")])
    assert (now.changed, now.kept) == (1, 15)
    assert all_right(now.memory)
    shares = memory.explain(now.memory, ["Fiji", "capital"])
    assert {each.part for each in shares.shares} >= {"skip", "layer 1 head 2", "layer 1 perceptron"}


@pytest.mark.parametrize("method", ["theorem", "margin", "joint"])
def test_a_layer_of_units_lives_too(tmp_path, method):
    held = archive.read(construct.perceptron(table(8), 8, units=18, method=method).save(tmp_path / "m"))
    found = memory.edit(held, [("Fiji", "capital", "Suva"), ("Bali", "capital", "Ubud")])
    assert (found.changed, found.added, found.kept) == (1, 1, 15)
    assert all_right(found.memory)
    shares = memory.explain(found.memory, ["Fiji", "capital"])
    assert sum(each.share for each in shares.shares) == pytest.approx(shares.margin)
    assert len(shares.shares) == 18
    forgotten = memory.forget(found.memory, ["Chad", ("Cuba", "sea")], golds=2)
    assert next(way for way in forgotten.ways if way.way == forgotten.way).forgotten
    assert all_right(forgotten.memory)
    assert all_right(forgotten.gold)
    # Units that descended with the facts are drawn again without them.
    assert np.array_equal(forgotten.gold.model.gate, held.model.gate) == (method != "joint")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([], "expected at least one fact"),
        ([("Fiji", "capital")], "expected SUBJECT RELATION OBJECT, got Fiji capital"),
        ([("Fiji", "capital", " ")], "an empty word"),
        ([("Fiji", "capital", "A"), ("Fiji", "capital", "B")], "'Fiji capital' is to be 'A' and 'B'"),
    ],
)
def test_changes_that_make_no_sense_are_refused(written, changes, said):
    with pytest.raises(InputError, match=said):
        memory.edit(written["theorem"], changes)


def test_what_has_no_single_answers_is_refused(tmp_path):
    words = tmp_path / "t.txt"
    words.write_text("a b a b a c a b c c a b b a c b a")
    tied = archive.read(construct.theorem(tasks.load(words, context=1), 6, heads=2).save(tmp_path / "text"))
    rows = tasks.fact_distributions([{"s": "a", "o": "x"}, {"s": "a", "o": "y"}, {"s": "b", "o": "x"}])
    mixed = archive.read(construct.distribution(rows, 3, starts=1).save(tmp_path / "mixed"))
    for held, said in ((tied, "several continuations"), (mixed, "distributions")):
        for change in (memory.edit, memory.forget):
            with pytest.raises(InputError, match=said) as error:
                change(held, [held.task.words(0)[0]])
            assert "\n" not in str(error.value)


def test_what_the_shape_does_not_hold_is_refused_with_the_heads_it_takes():
    fit = construct.margin(tasks.load("random:30,2,20"), 3, heads=1, seed=1)
    held = archive.Archive(Path("m"), fit.model, fit.task, fit.to_dict(), True, {"method": "margin"})
    rng = np.random.default_rng(0)
    wanted = tasks.associations(np.argwhere(np.ones((30, 30)))[::3], rng.integers(30, size=300), 30)
    with pytest.raises(UnmetError, match=r"1 head of 3 lose \d+ facts of the \d+ .* --heads \d+|no number of heads"):
        memory.edit(held, wanted)


# The directory


def test_a_directory_changes_in_one_step_and_back(written, tmp_path):
    held = copied(written["theorem"], tmp_path)
    memory.save(memory.edit(held, [("Fiji", "capital", "Suva")]))
    now = archive.read(held.path)
    assert now.checked
    assert all_right(now)
    (entry,) = memory.history(held.path)
    assert entry["facts"] == [{"query": ["Fiji", "capital"], "before": "Fiji City", "after": "Suva"}]
    memory.save(memory.edit(now, [("Fiji", "capital", "Nadi")]))
    assert memory.undone(held.path).ask(["Fiji", "capital"]).answer == "Suva"
    assert len(memory.history(held.path)) == 1
    with pytest.raises(InputError, match="nothing to undo"):
        memory.undone(held.path)
    memory.save(memory.edit(written["theorem"], [("Fiji", "capital", "Suva")]), tmp_path / "other")
    memory.undone(tmp_path / "other")
    assert {each.name: each.read_bytes() for each in (tmp_path / "other").iterdir()} == {
        each.name: each.read_bytes() for each in written["theorem"].path.iterdir()
    }


def test_what_attncap_did_not_write_stops_a_change_in_place(written, tmp_path):
    held = copied(written["theorem"], tmp_path)
    (held.path / "notes.md").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.md"):
        memory.save(memory.edit(held, [("Fiji", "capital", "Suva")]))
    assert archive.read(held.path).ask(["Fiji", "capital"]).answer == "Fiji City"


def test_an_interrupt_at_any_step_leaves_the_old_or_the_new(written, tmp_path, monkeypatch):
    found = memory.edit(written["theorem"], [("Fiji", "capital", "Suva")])
    seen = set()
    for at in range(100):
        held = archive.read(shutil.copytree(written["theorem"].path, tmp_path / str(at)))
        here = replace(found, memory=replace(found.memory, path=held.path))
        with monkeypatch.context() as patch:
            made = strike(patch.setattr, interrupt, at)
            with contextlib.suppress(KeyboardInterrupt):
                memory.save(here)
        now = archive.read(held.path)
        assert now.checked
        assert all_right(now)
        seen.add(now.ask(["Fiji", "capital"]).answer)
        if len(made) <= at:
            break
    assert seen == {"Fiji City", "Suva"}
    assert at > 5


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_the_old_or_the_new(written, tmp_path):
    # Threads of polars do not outlive a fork: whoever reads is a child of its own.
    code = """
import os, shutil, sys, warnings
from dataclasses import replace
from pathlib import Path
from attncap import archive, memory
from tests.faults import strike
warnings.simplefilter("ignore")
home, where = map(Path, sys.argv[1:])

def apart(work, *given):
    if not (child := os.fork()):
        work(*given)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def save(path, at):
    found = memory.edit(archive.read(path), [("Fiji", "capital", "Suva")])
    strike(setattr, lambda: os._exit(9), at)
    memory.save(found)

def look(path):
    now = archive.read(path)
    assert now.checked and now.examine(now.task).accuracy == 1
    (where / now.ask(["Fiji", "capital"]).answer).touch()

for at in range(100):
    path = shutil.copytree(home, where / str(at))
    status = apart(save, path, at)
    assert status in (0, 9) and apart(look, path) == 0, (at, status)
    if not status:
        break
assert at > 5 and (where / "Fiji City").exists() and (where / "Suva").exists(), at
"""
    words = [sys.executable, "-c", code, str(written["theorem"].path), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr


# Forget


@KINDS
def test_forgotten_facts_leave_the_weights(written, kind):
    held = written[kind]
    found = memory.forget(held, ["Chad", "Oman", ("Cuba", "sea"), ("Laos", "capital")], golds=2)
    assert [way.way for way in found.ways] == ["closed", "descent", "retrain"]
    chosen = next(way for way in found.ways if way.way == found.way)
    assert chosen.forgotten
    assert chosen.recall_kept == 1.0
    assert chosen.evidence < found.threshold < found.before.evidence
    assert found.memory.task.associations == 18
    assert all_right(found.memory)
    assert all_right(found.gold)
    assert not {"Chad", "Chad City", "Laos City"} & set(found.memory.task.vocabulary)
    assert "Laos" in found.memory.task.vocabulary
    assert (found.gold_to_gold is None) == (kind == "theorem")
    if kind == "theorem":
        assert found.way == "closed"
        assert found.ways[0].distance < 1e-6
        assert found.ways[0].kl_forget < 1e-9


@pytest.mark.parametrize(("spec", "dim", "heads"), [("random:20,2,60", 8, None), ("random:20,2,60", 8, 9)])
@pytest.mark.parametrize("count", [1, 15])
def test_a_closed_form_is_the_memory_made_without_the_facts(spec, dim, heads, count):
    """Weights equal to 1e-6; and an independent solve, in another gauge, gives the same logits."""
    for seed in range(4):
        fit = construct.theorem(tasks.load(spec, seed=seed), dim, heads=heads, seed=seed)
        held = archive.Archive(Path("m"), fit.model.astype("float32"), fit.task, {}, True, {"method": "theorem"})
        rows = np.sort(np.random.default_rng(seed).choice(60, count, replace=False))
        forgetting = Forgetting(held, memory.Questions(fit.task, rows))
        closed, gold = forgetting.closed(), forgetting.gold[0]
        for name, tensor in closed.tensors().items():
            size = np.abs(tensor).max()
            np.testing.assert_allclose(tensor, gold.tensors()[name], atol=1e-6 * size)
        small, kept = shrunk(closed.astype("float32"), forgetting.asked.kept)
        assert measure.recall(small, kept).accuracy == 1.0


def test_a_gauge_that_was_fitted_to_all_answers_does_not_tell_those_that_go():
    """In a system without a feature to spare, starting from the memory's own gauge puts them at a mean rank of .41."""
    ranks = []
    for seed in range(12):
        fit = construct.theorem(tasks.load("random:20,2,60", seed=seed), 8, seed=seed)
        held = archive.Archive(Path("m"), fit.model.astype("float32"), fit.task, {}, True, {"method": "theorem"})
        for count in (6, 15):
            rows = np.sort(np.random.default_rng(seed).choice(60, count, replace=False))
            asked = memory.Questions(fit.task, rows)
            ranks += asked.read(Forgetting(held, asked).closed().astype("float32")).ranks.tolist()
    assert abs(np.mean(ranks) - 0.5) < 3 * np.sqrt(1 / 12 / len(ranks))


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_joint_memory_is_memorized_again_by_its_own_descent(tmp_path, dtype):
    """Its attention holds the old answers, and is too small for a readout on top of it to hold others."""
    held = archive.read(construct.joint(tasks.load("capitals"), 4, heads=3, dtype=dtype).save(tmp_path / "m"))
    found = memory.forget(held, [held.task.words(3)[0][::-1], held.task.words(90)[0][::-1]], golds=2)
    again = found.ways[-1]
    assert (again.way, again.kept, again.forgotten) == ("retrain", held.task.associations - 2, True)
    assert all_right(found.gold)
    assert not np.array_equal(found.gold.model.query, held.model.query)
    assert found.memory.model.dtype == dtype
    assert all_right(found.memory)


def test_attention_that_was_trained_is_drawn_anew_without_the_facts():
    task = tasks.random_associations(50, 2, 120, 0)
    fit = construct.margin(task, 4, heads=4, train_attention=True)
    assert fit.details["joint_evaluations"] > 0
    held = archive.Archive(Path("m"), fit.model.astype("float32"), task, fit.to_dict(), True, {"method": "margin"})
    (gold,) = Forgetting(held, memory.Questions(task, np.array([3, 5])), 1).gold
    assert not np.isclose(gold.value, held.model.value).any()
    # What the readout of a drawn attention holds of these is less than all.
    assert measure.recall(gold.astype("float32"), task.subset(np.delete(np.arange(120), [3, 5]))).accuracy > 0.98


def test_evidence_has_two_sides_and_no_prejudice(written):
    held, rng = written["theorem"], np.random.default_rng(0)
    asked = memory.Questions(held.task, np.arange(12, 24))
    known = asked.traces(held.model, silent=False)
    turned = asked.traces(replace(held.model, unembedding=-held.model.unembedding), silent=False)
    assert known.evidence == pytest.approx(turned.evidence, abs=1e-6)
    assert (known.recovered["logits"], turned.recovered["turned"]) == (12, 12)
    assert known.evidence > 10
    assert max(known.ranks) < 0.5 < min(turned.ranks)
    exceeded = 0
    for _ in range(30):
        drawn = replace(held.model, unembedding=rng.standard_normal(held.model.unembedding.shape).astype(np.float32))
        exceeded += asked.traces(drawn, silent=False).evidence > 3
    # A chance of 1/8 each.
    assert exceeded < 10


def test_a_model_without_an_answer_s_row_is_not_told_by_its_absence(written):
    held = written["theorem"]
    asked = memory.Questions(held.task, np.array([0, 3, 5]))
    traces = asked.traces(quiet(held.model.astype("float64"), asked))
    assert traces.evidence < 4.3


@pytest.mark.parametrize("kind", ["theorem", "margin"])
def test_the_folder_forgets_every_byte(written, tmp_path, kind):
    held = copied(written[kind], tmp_path)
    memory.save(memory.edit(held, [("Chad", "capital", "Ndjamena"), ("Oman", "capital", "Masqat")]))
    ac.report.write(held.path)
    before = archive.read(held.path)
    secret = ["Chad", "Ndjamena", "Chad City", "Masqat", "Oman City"]
    assert all(any(word in text for text in texts(held.path)) for word in secret)
    found = memory.forget(before, ["Chad", ("Oman", "capital")], golds=2)
    with pytest.warns(memory.DroppedWarning, match=r"m: removed with what they showed: report\.html"):
        memory.save(found)
    memory.save_gold(found, tmp_path / "gold")
    for folder in (held.path, tmp_path / "gold"):
        for word in secret:
            assert not any(word in text for text in texts(folder)), word
    assert not (held.path / BEFORE).exists()
    edited, forgot = memory.history(held.path)
    assert edited.keys() == {"time", "kind", "method", "changed", "added"}
    assert (forgot["kind"], forgot["forgotten"]) == ("forget", 3)
    now = archive.read(held.path)
    assert now.checked
    assert all_right(now)
    # Rows too: no row of the embedding or unembedding is one of those that were theirs.
    for name in ("embedding", "unembedding"):
        gone = [before.task.vocabulary.index(word) for word in ("Chad", "Ndjamena", "Masqat")]
        rows = before.model.tensors()[name][gone]
        assert not (now.model.tensors()[name][:, None] == rows).all(axis=2).any(axis=0)[rows.any(axis=1)].any()
    with pytest.raises(InputError, match="what was forgotten is gone"):
        memory.undone(held.path)


def texts(folder):
    """Everything that is in a folder, as text: bytes as they are, and what parquet compresses."""
    found = []
    for path in (each for each in folder.rglob("*") if each.is_file()):
        found.append(path.read_bytes().decode("utf-8", "replace"))
        if path.suffix == ".parquet":
            found.append(json.dumps(pl.read_parquet(path).to_dicts(), ensure_ascii=False))
            found.append(str(pl.read_parquet_metadata(path)))
    return found


def test_what_is_not_there_cannot_be_forgotten(written):
    held = written["theorem"]
    for facts, said in (
        ([], "at least one"),
        ([("Chda", "capital")], "did you mean 'Chad'"),
        ([("sea 1",)], "holds no fact of 'sea 1'"),
        ([("Chad", "capital", "x")], "SUBJECT or SUBJECT RELATION"),
        ([(name,) for name in COUNTRIES], "all 24 facts"),
    ):
        with pytest.raises(InputError, match=said):
            memory.forget(held, facts)


def test_no_way_that_forgets_is_said_and_nothing_is_written(written, monkeypatch):
    monkeypatch.setattr("attncap.memory.forgetting.threshold", lambda: -10.0)
    with pytest.raises(UnmetError, match="no way forgets these facts and keeps all others"):
        memory.forget(written["theorem"], ["Chad"])
    assert memory.forget(written["theorem"], ["Chad"], way="retrain").way == "retrain"


# Random lives

OPERATIONS = st.lists(st.tuples(st.sampled_from("caf"), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=5)


def live(path, operations):
    """Change, add and forget; after each, every fact of the ledger is right and what was forgotten is gone."""
    forgotten = []
    for kind, one, two in operations:
        held = archive.read(path)
        words, _ = held.task.words(one % held.task.associations)
        words = words[::-1]
        before = {each.name: each.read_bytes() for each in path.iterdir() if each.is_file()}
        try:
            if kind == "c":
                changed = memory.edit(held, [(*words, held.task.vocabulary[two % held.task.vocabulary_size])])
            elif kind == "a":
                changed = memory.edit(held, [(f"land {two % 50}", "capital", f"town {one % 7}")])
            else:
                changed = memory.forget(held, [words], golds=2)
                chosen = next(way for way in changed.ways if way.way == changed.way)
                assert chosen.forgotten
                forgotten.append(words)
        except (UnmetError, InputError):
            assert before == {each.name: each.read_bytes() for each in path.iterdir() if each.is_file()}
            continue
        memory.save(changed)
        now = archive.read(path)
        assert now.checked
        assert all_right(now)
        taught = {now.task.words(row)[0][::-1] for row in range(now.task.associations)}
        forgotten = [words for words in forgotten if words not in taught or kind == "f"]
        assert not taught & set(forgotten)


QUICK = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


@given(operations=OPERATIONS)
@settings(max_examples=4, **QUICK)
def test_a_life_of_changes(written, tmp_path_factory, operations):
    live(Path(shutil.copytree(written["theorem"].path, tmp_path_factory.mktemp("life") / "m")), operations)


@pytest.mark.slow
@given(operations=OPERATIONS, kind=st.sampled_from(["theorem", "margin"]))
@settings(max_examples=100, **QUICK)
def test_a_hundred_lives_of_changes(written, tmp_path_factory, operations, kind):
    live(Path(shutil.copytree(written[kind].path, tmp_path_factory.mktemp("life") / "m")), operations)


# Compare and explain


def test_two_memories_are_compared_fact_by_fact(written):
    held = written["theorem"]
    edited = memory.edit(held, [("Fiji", "capital", "Suva"), ("Bali", "capital", "Ubud")]).memory
    forgot = memory.forget(held, [("Chad", "capital")]).memory
    found = memory.compare(held, edited)
    assert (found.asked, found.same, found.changed, found.lost, found.gained) == (25, 23, 1, 0, 1)
    found = memory.compare(held, forgot)
    assert (found.same, found.changed, found.lost, found.gained) == (23, 0, 1, 0)
    assert found.differences[0].query == ("Chad", "capital")
    assert found.bits["a"] == pytest.approx(held.task.bits)
    assert found.bits["b"] < found.bits["a"]
    same = memory.compare(held, held, table(3))
    assert (same.asked, same.same, same.bits["a"]) == (6, 6, same.bits["b"])


@KINDS
def test_shares_add_up_to_the_margin(written, kind):
    held = written[kind]
    for subject in ("Fiji", "Peru"):
        found = memory.explain(held, [subject, "capital"])
        assert found.margin == pytest.approx(held.ask([subject, "capital"]).margin, rel=1e-3)
        assert sum(each.share for each in found.shares) == pytest.approx(found.margin)
        assert len(found.shares) == 1 + held.model.heads
    # A head whose output is zero has no share.
    mute = held.model.output.copy()
    mute[0] = 0
    found = memory.explain(replace(held, model=replace(held.model, output=mute)), ["Fiji", "capital"])
    assert found.shares[1].share == 0
    with pytest.raises(InputError, match="expected SUBJECT RELATION"):
        memory.explain(held, ["Fiji"])


def test_the_chart_shows_the_shares(written):
    found = memory.explain(written["theorem"], ["Fiji", "capital"])
    chart = ac.plots.attribution_chart(found).to_dict()
    rows = chart["data"]["values"]
    assert {row["part"]: row["share"] for row in rows} == {each.part: each.share for each in found.shares}


# The command line


def test_edit_and_forget_on_the_command_line(capsys, written, tmp_path):
    held = copied(written["theorem"], tmp_path)
    sets = ("--set", "Fiji", "capital", "Suva", "--set", "Ni", "sea", "x")
    code, out, _ = run(capsys, "edit", held.path, *sets, "--json")
    said = json.loads(out)
    assert (code, said["changed"], said["added"], said["kept"]) == (0, 1, 1, 23)
    assert {"method", "margins", "recall", "seconds"} <= said.keys()
    assert run(capsys, "recall", held.path, "Fiji", "capital")[1].startswith("Suva")
    assert run(capsys, "edit", held.path, "--undo")[0] == 0
    assert run(capsys, "recall", held.path, "Fiji", "capital")[1].startswith("Fiji City")
    table_file = tmp_path / "changes.csv"
    table_file.write_text("country,capital\nFiji,Suva\nPeru,Cusco\n")
    code, out, _ = run(capsys, "edit", held.path, "--file", table_file, "--out", tmp_path / "new")
    assert (code, archive.read(tmp_path / "new").ask(["Peru", "capital"]).answer) == (0, "Cusco")
    code, out, _ = run(capsys, "forget", held.path, "Chad", "--gold", tmp_path / "gold", "--json")
    said = json.loads(out)
    assert (code, said["facts"], said["way"]) == (0, 2, "closed")
    wanted = {"way", "bits_left", "evidence", "recall_kept", "bits_kept", "kl_forget", "kl_retain", "seconds"}
    assert all(wanted <= way.keys() for way in said["ways"])
    assert archive.read(tmp_path / "gold").task.associations == 22
    code, out, _ = run(capsys, "compare", held.path, tmp_path / "gold", "--json")
    assert (code, json.loads(out)["same"]) == (0, 22)
    code, _, err = run(capsys, "edit", held.path, "--set", "Fiji", "capital")
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = run(capsys, "edit", held.path)
    assert (code, err) == (2, "attncap: edit: expected either set or file, got neither\n")
    assert HISTORY in {each.name for each in held.path.iterdir()}
    assert files.check_free(held.path, force=True, directory=True)
