"""What reads a memory or a table and writes: nothing is written over, no change is lost, what goes is said."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from attncap import archive, construct, measure, memory, tasks
from attncap.errors import InputError

from .command import run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    task = tasks.facts({"country": ["Peru", "Fiji", "Chad"], "capital": ["Lima", "Suva", "N'Djamena"]})
    archive.write(construct.theorem(task, 8), folder / "m")
    return folder / "m"


@pytest.fixture
def kept(made, tmp_path):
    """A memory of three facts."""
    shutil.copytree(made, tmp_path / "m")
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "plan t.json --plot t.json --force",
        "train t.json --embedding-dim 4 --heads 1 --plot ./t.json --force",
        "export m --to torch --out m --force",
        "export link --to torch --out m --force",
        "edit m --set Peru capital Suva --out m --force",
        "memorize m/task.parquet --embedding-dim 8 --out m --force",
        "forget m Peru --out g --gold g",
        "forget m Peru --gold m/gold",
        "memorize t.json --smallest --out o --plot o/front.svg",
    ],
)
def test_nothing_is_written_over_what_is_read_or_written(capsys, monkeypatch, kept, line):
    monkeypatch.chdir(kept)
    Path("t.json").write_text('[{"a": "x", "b": "y"}, {"a": "z", "b": "w"}]')
    Path("link").symlink_to("m")
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    code, out, err = run(capsys, *line.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "is read" in err or "is written too" in err
    assert {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()} == before


def test_a_table_of_ours_may_be_called_like_the_place_of_its_memory(capsys, monkeypatch, kept):
    monkeypatch.chdir(kept)
    monkeypatch.setattr("attncap.commands.memorize.memorize", lambda **_: pytest.fail("computed"))
    (kept / "m").rename(kept / "elements")
    code, _, err = run(capsys, "memorize", "elements", "--embedding-dim", "8", "--out", "elements")
    assert (code, "exists already" in err) == (2, True)


def test_an_edit_of_nothing_keeps_what_can_be_taken_back(capsys, kept):
    task = archive.read(kept / "m").task
    for _ in range(2):
        assert run(capsys, "edit", kept / "m", "--set", "Peru", "capital", "Suva")[0] == 0
    code, out, _ = run(capsys, "edit", kept / "m", "--set", "Peru", "capital", "Suva")
    assert (code, "1 as asked" in out, "written" in out) == (0, True, False)
    assert run(capsys, "edit", kept / "m", "--undo")[0] == 0
    assert archive.read(kept / "m").task == task


@pytest.mark.parametrize("words", [("Peru", "capital", "--json"), ("Peru", "capital"), ("--out", "x", "y")])
def test_an_option_is_no_word_of_a_fact(capsys, kept, words):
    code, _, err = run(capsys, "edit", kept / "m", "--set", *words)
    assert (code, err.count("\n"), "--set: expected SUBJECT RELATION OBJECT" in err) == (2, 1, True)
    assert archive.read(kept / "m").ask(["Peru", "capital"]).answer == "Lima"


def test_of_two_changes_to_what_was_read_once_the_second_is_refused(kept):
    read = archive.read(kept / "m")
    editor = memory.Editor(read)
    memory.save(editor.edit([("Peru", "capital", "Suva")]))
    # What builds on the first change may be saved over it.
    memory.save(editor.edit([("Peru", "capital", "Nadi")]))
    for late in (memory.edit(read, [("Peru", "capital", "Oslo")]), memory.forget(read, [["Peru"]], way="retrain")):
        with pytest.raises(InputError, match="was changed since it was read"):
            memory.save(late)
    assert archive.read(kept / "m").ask(["Peru", "capital"]).answer == "Nadi"
    memory.save(late, kept / "elsewhere")


def test_what_a_change_in_place_takes_away_is_said(capsys, kept):
    assert run(capsys, "report", kept / "m")[0] == 0
    code, _, err = run(capsys, "edit", kept / "m", "--set", "Peru", "capital", "Suva")
    assert (code, err) == (0, f"attncap: warning: {kept / 'm'}: removed with what they showed: report.html\n")


def test_who_has_words_is_asked_by_words(capsys, kept):
    held = archive.read(kept / "m")
    turned = tasks.facts({"country": ["Chad", "Fiji", "Peru"], "capital": ["N'Djamena", "Suva", "Lima"]})
    others = replace(held.task, vocabulary=tuple(f"other {word}" for word in held.task.vocabulary))
    assert turned.vocabulary != held.task.vocabulary
    assert turned.vocabulary_size == others.vocabulary_size == held.task.vocabulary_size
    # The model itself knows numbers only.
    assert measure.recall(held.model, others).accuracy == measure.recall(held.model, held.task).accuracy == 1
    assert measure.bits(held.model, held.translate(turned)) == measure.bits(held.model, held.task)
    assert (held.examine(turned).accuracy, held.examine(others).accuracy) == (1, 0)
    assert memory.compare(held, held, turned).bits["a"] == pytest.approx(held.task.bits)
    assert memory.compare(held, held, others).bits["a"] == 0
    with pytest.raises(InputError, match="not in the vocabulary"):
        held.translate(others)
    (kept / "others.csv").write_text("land,seat\nOslo,Elbe\nBern,Oder\nRome,Main\n")
    code, out, err = run(capsys, "recall", kept / "m", "--file", kept / "others.csv")
    assert (code, "recalled 0 of 3" in err, "not in the vocabulary" in out) == (1, True, True)
