"""The command line: memorize, recall, report; every failure is one line and leaves nothing behind."""

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attncap.cli import main

from . import command
from .test_tables import WORD, write


def run(capsys, *words, code=0):
    """Run a command that ends with ``code``, and return what it printed on stdout and stderr."""
    found, out, err = command.run(capsys, *words)
    assert found == code, err
    return out, err


@pytest.fixture(scope="module")
def capitals(tmp_path_factory):
    out = tmp_path_factory.mktemp("memories") / "capitals"
    with pytest.raises(SystemExit) as caught:
        main(["memorize", "capitals", "--out", str(out), "--json"])
    assert not caught.value.code
    return out


def test_recall_answers_paris(capsys, capitals):
    assert run(capsys, "recall", capitals, "France", "capital")[0].startswith("Paris ")
    answer = json.loads(run(capsys, "recall", capitals, "France", "capital", "--json")[0])
    assert answer["answer"] == answer["stored"] == "Paris"
    assert answer["margin"] > 0
    assert answer["query"] == ["France", "capital"]


def test_recall_of_the_whole_task(capsys, capitals):
    found = json.loads(run(capsys, "recall", capitals, "--file", capitals / "task.parquet", "--json")[0])
    assert (found["correct"], found["accuracy"]) == (250, 1.0)


def test_recall_of_a_table_counts_what_is_wrong(capsys, capitals, tmp_path):
    table = write(tmp_path / "t.csv", [("France", "capital", "Paris"), ("Peru", "capital", "Paris")])
    assert json.loads(run(capsys, "recall", capitals, "--file", table, "--json", code=1)[0])["correct"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Frnace", "capital"], "'Frnace' is not in the vocabulary; did you mean 'France'?"),
        (["France"], "expected SUBJECT RELATION, such as"),
        ([], "expected either TOKENs or --file, got neither"),
        (["France", "capital", "--file", "x.csv"], "got both"),
        (["--file", "none.csv"], "none.csv: no such file"),
        (["--file", "capitals", "--context", "2"], "--context: expected a text"),
    ],
)
def test_bad_questions(capsys, capitals, words, message):
    out, err = run(capsys, "recall", capitals, *words, code=2)
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_json_is_one_object_on_stdout(capsys, tmp_path):
    out, err = run(capsys, "memorize", "random:20,2,100", "--embedding-dim", 8, "--out", tmp_path / "m", "--json")
    assert out.count("\n") == 1
    assert err == ""
    result = json.loads(out)
    assert result == json.loads((tmp_path / "m" / "result.json").read_text())
    fields = {"task", "shape", "method", "capacity", "recall", "bits_per_parameter", "seconds"}
    assert fields <= set(result)
    assert set(result["recall"]) == {"float64", "float32", "bfloat16"}


def test_errors_are_json_too(capsys, tmp_path):
    out, err = run(capsys, "memorize", "none", "--out", tmp_path / "m", "--json", code=2)
    assert json.loads(out)["error"] in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["random:50,2,500", "--embedding-dim", "10", "--heads", "48"], 1, "48 heads hold 490"),
        (["random:50,2,500", "--heads", "0"], 2, "--heads: expected at least 1"),
        (["random:50,2,500", "--head-dim", "65"], 2, "--head-dim: expected 1 to the embedding dimension 64, got 65"),
        (["random:50,2,500", "--dtype", "int4"], 2, "--dtype"),
        (["random:50,2,500", "--seed", "-1"], 2, "--seed"),
        (["random:1,1,1"], 2, "leaves nothing to memorize"),
        (["random:10,1,10", "--embedding-dim", "4"], 1, "reach 4 associations"),
        (["random:10,1,11"], 2, "there are 10 sequences"),
        (["none.csv"], 2, "no such file"),
        (["capitals", "--relation", "capital"], 2, "relation needs object"),
        (["capitals", "--on-conflict", "last"], 2, "--on-conflict"),
        ([], 2, "source"),
    ],
)
def test_failures_say_one_line_and_write_nothing(capsys, tmp_path, words, code, message):
    out, err = run(capsys, "memorize", *words, "--out", tmp_path / "m", code=code)
    assert out == ""
    assert message.lower() in err.lower()
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_bad_tables_write_nothing(capsys, tmp_path):
    table = tmp_path / "t.csv"
    table.write_bytes(b"s,o\na,caf\xe9\n")
    run(capsys, "memorize", table, "--out", tmp_path / "m", code=2)
    assert list(tmp_path.iterdir()) == [table]


def test_out_is_replaced_only_with_force_and_only_if_it_is_ours(capsys, tmp_path):
    ours, other = tmp_path / "m", tmp_path / "home"
    words = ["memorize", "random:20,2,50", "--embedding-dim", 8, "--out"]
    run(capsys, *words, ours)
    assert "force its replacement" in run(capsys, *words, ours, code=2)[1]
    run(capsys, *words, ours, "--force", "--seed", 1)
    assert json.loads((ours / "result.json").read_text())["seed"] == 1
    other.mkdir()
    (other / "thesis.tex").write_text("years of work")
    assert "thesis.tex" in run(capsys, *words, other, "--force", code=2)[1]
    assert (other / "thesis.tex").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "m"]


@given(rows=st.lists(st.tuples(WORD, WORD, WORD), min_size=2, max_size=12, unique_by=lambda row: row[:2]))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_memorized_is_recalled(capsys, tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("round")
    table = write(folder / "t.jsonl", rows)
    run(capsys, "memorize", table, "--embedding-dim", 8, "--out", folder / "m", "--json")
    for subject, relation, object in rows[:3]:
        found = json.loads(run(capsys, "recall", folder / "m", "--json", "--", subject, relation)[0])
        assert found["answer"] == found["stored"] == object
    found = json.loads(run(capsys, "recall", folder / "m", "--file", table, "--json")[0])
    assert found["accuracy"] == 1.0


def test_text_end_to_end(capsys, tmp_path):
    text = tmp_path / "t.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. the end", encoding="utf-8")
    run(capsys, "memorize", text, "--context", 2, "--embedding-dim", 8, "--out", tmp_path / "m")
    assert run(capsys, "recall", tmp_path / "m", "the", "lazy")[0].startswith("dog ")
    assert json.loads(run(capsys, "recall", tmp_path / "m", "--file", text, "--json")[0])["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("vocabulary.json", '["a"]', "1 tokens; the weights have 490"),
        ("vocabulary.json", "{", "not JSON"),
        ("vocabulary.json", "[1, 2]", "expected a list of strings"),
        ("vocabulary.json", None, "cannot read"),
        ("task.parquet", "rubbish", "not a task"),
        ("result.json", "[]", "expected an object"),
        ("model.safetensors", "rubbish", "not a whole safetensors file"),
        ("model.safetensors", None, "cannot read|not a whole"),
    ],
)
def test_damaged_memories_are_refused(capsys, capitals, tmp_path, file, content, message):
    damaged = tmp_path / "m"
    damaged.mkdir()
    for part in capitals.iterdir():
        (damaged / part.name).write_bytes(part.read_bytes())
    (damaged / file).unlink()
    if content is not None:
        (damaged / file).write_text(content)
    _, err = run(capsys, "recall", damaged, "France", "capital", code=2)
    assert str(damaged / file) in err
    assert err.count("\n") == 1
    # Directories of 0.1.0 have no hashes.
    (damaged / "SHA256SUMS").unlink()
    _, err = run(capsys, "recall", damaged, "France", "capital", code=2)
    assert any(part in err for part in message.split("|"))
    assert err.count("\n") == 1


def test_plan_takes_a_source(capsys):
    plans = json.loads(run(capsys, "plan", "capitals", "--embedding-dim", 64, "--head-dim", 64, "--json")[0])["plans"]
    assert {plan["method"]: plan["heads"] for plan in plans}["theorem"] == 3


def test_the_command_line_starts_without_the_heavy_libraries():
    heavy = ("numpy", "scipy", "sympy", "polars", "altair", "jax")
    code = f"import sys, attncap.cli; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_help_names_the_commands(capsys):
    out = run(capsys, "--help")[0]
    assert all(command in out for command in ("memorize", "recall", "report"))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["memorize", "x", "--out", "y", "--heads", "a"], "--heads: expected a whole number, got 'a'"),
        (["bounds", "--heads", "1e3"], "--heads: expected a whole number, got '1e3'"),
        (["bounds", "--heads", "2.5"], "--heads: expected a whole number, got '2.5'"),
        (["train", "--heads", "2", "--embedding-dim", "2", "--rate", "x"], "--rate: expected a number, got 'x'"),
        (["sweep", "x.toml", "--out", "y", "--workers", "q"], "--workers: expected a whole number, got 'q'"),
        (["memorize", "x", "--out", "y", "--seed", "-1"], "--seed: expected at least 0, got '-1'"),
        (
            ["memorize", "x", "--out", "y", "--dtype", "double"],
            "--dtype: expected 'float64' or 'float32' or 'bfloat16' or 'int8', got 'double'",
        ),
    ],
)
def test_an_option_that_is_no_number_says_what_was_got(words, line, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip() == f"attncap: {line}"
