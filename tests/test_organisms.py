"""Organisms: sets of memories with their ground truth, and what a score says of a method."""

from pathlib import Path

import numpy as np
import pytest

from attncap import archive, measure, memory
from attncap.errors import InputError
from attncap.memory.baselines import BASELINES
from attncap.memory.organisms import truth
from attncap.tasks.parquet import read_task

SPEC = """
sources = ["random:20,2,60"]
methods = ["theorem"]
shapes = [{embedding_dim = 8, heads = 8}]
[[forget]]
name = "some"
size = 12
[[forget]]
name = "subject"
subject = "3"
"""


@pytest.fixture(scope="module")
def organism(tmp_path_factory):
    home = tmp_path_factory.mktemp("organism")
    (home / "spec.toml").write_text(SPEC)
    found = memory.organism(home / "spec.toml", home / "o")
    assert (found.memories, found.forget_sets) == (4, 2)
    return home / "o"


def test_the_ground_truth_is_true(organism):
    said = truth(organism)
    for each in said["memories"]:
        held = archive.read(organism / each["path"])
        assert measure.recall(held.model, held.task).accuracy == 1.0
        facts = {held.task.words(row) for row in range(held.task.associations)}
        full = archive.read(organism / each["family"] / "full").task
        taught = {full.words(row) for row in range(full.associations)}
        match each["role"]:
            case "full":
                assert len(facts) == 60
            case "without":
                forgotten = read_task(organism / each["family"] / f"{each['forget_set']}.parquet")
                gone = {forgotten.words(row) for row in range(forgotten.associations)}
                assert facts == taught - gone
                assert gone < taught
            case "twin":
                assert {asked for asked, _ in facts} == {asked for asked, _ in taught}
                assert sorted(answer for _, answer in facts) == sorted(answer for _, answer in taught)
                assert len(facts & taught) < 20
    assert {each["name"]: each["facts"] for each in said["forget_sets"] if each["family"] == "000"}["some"] == 12


def test_a_score_tells_methods_apart(organism):
    closed = {(one.family, one.forget_set): one for one in memory.score(organism, "closed").scores}
    for name in ("some", "subject"):
        one = closed["000", name]
        assert one.forgotten
        assert one.recall_kept == 1.0
        assert one.kl_retain < 1e-6
    # Doing nothing forgets nothing.
    idle = memory.score(organism, lambda held, asked: held.model).scores
    some = [one for one in idle if one.forget_set == "some"]
    assert not any(one.forgotten for one in some)
    assert all(one.recovered["logits"] == 12 and one.recall_kept == 1.0 for one in some)

    def turned(held, asked):
        """Answers pushed to the bottom."""
        import dataclasses

        return dataclasses.replace(held.model, unembedding=-held.model.unembedding)

    pushed = [one for one in memory.score(organism, turned).scores if one.forget_set == "some"]
    assert not any(one.forgotten for one in pushed)
    assert all(one.recovered["turned"] == 12 for one in pushed)


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_do_what_their_papers_say(organism, name):
    held = archive.read(organism / "000" / "full")
    asked = memory.Questions(held.task, np.array([4, 20, 33]))
    model = BASELINES[name](held, asked)
    said = model.forward(asked.sequences).argmax(axis=1)
    assert (said != asked.answers).all()
    if name != "ascent":
        # 64 features of 60 facts: an update of the last map leaves the others alone.
        assert measure.recall(model, asked.kept).correct == 57


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources = []", "sources: expected a list"),
        ('source = ["capitals"]', "unknown key 'source'; did you mean 'sources'"),
        ('sources = ["capitals"]\nmethods = ["magic"]', "method: expected"),
        ('sources = ["capitals"]\nseeds = 0', "seeds: expected a whole number of at least 1"),
        ('sources = ["random:9,2,20"]\n[[forget]]\nname = "a"\nsize = 1\nrelation = "b"', "one of size, subject"),
        ('sources = ["random:9,2,20"]\n[[forget]]\nname = "a"\nsize = 20', "expected 1 to 19, got 20"),
        ('sources = ["random:9,2,20"]\n[[forget]]\nname = "a"\nanswer = "x"', "expected some of 20 facts, got 0"),
        ("sources", "not TOML"),
    ],
)
def test_a_wrong_description_is_one_line(tmp_path, text, said):
    (tmp_path / "spec.toml").write_text(text)
    with pytest.raises(InputError, match=said) as error:
        memory.organism(tmp_path / "spec.toml", tmp_path / "o")
    assert "\n" not in str(error.value)
    assert [each.name for each in tmp_path.iterdir()] == ["spec.toml"]


def test_no_organism_is_said(tmp_path):
    with pytest.raises(InputError, match=r"organism\.json"):
        memory.score(Path(tmp_path), "closed")
