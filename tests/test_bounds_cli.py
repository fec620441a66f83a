"""``attncap bounds``, ``plan`` and ``cite`` as a person and as a program use them."""

import json
import math
import re
import subprocess
import sys

import pytest

import attncap
from attncap import construct
from attncap.bounds import CATALOGUE, plan
from attncap.bounds.sources import SOURCES
from attncap.tasks import random_associations

from .command import run

SHAPE = ["--vocabulary", "50", "--context", "2", "--embedding-dim", "10", "--head-dim", "10", "--heads", "20"]
TASK = ["--associations", "1000", "--vocabulary", "50", "--context", "2"]


def test_bounds_as_json(capsys):
    code, out, _ = run(capsys, "bounds", *SHAPE, "--json")
    rows = {row["id"]: row for row in json.loads(out)["bounds"]}
    assert code == 0
    assert rows.keys() == CATALOGUE.keys()
    assert {"id", "source", "direction", "labels", "exact", "value", "latex"} <= rows["dana2025"].keys()
    assert rows["dana2025"]["value"] == rows["corrected"]["value"] == 210
    assert rows["kajitsuka2025"]["value"] is rows["kajitsuka2025"]["bits"] is None
    assert rows["dana2025"]["bits"] == pytest.approx(210 * math.log2(50))
    assert rows["dana2025"]["assumptions"][1] == "d_h <= d"
    assert (rows["cover1965"]["parameters"], rows["mahdavi2024"]["size"]) == (9020, {"heads": 29})
    assert rows["kajitsuka2025"]["latex"] == r"\tilde{\Theta}\left(P^{2}\right)"
    assert rows["kajitsuka2025"]["evidence"] == "abstract"


def test_bounds_with_rank_and_constant(capsys):
    _, out, _ = run(capsys, "bounds", *SHAPE, "--data-rank", "8", "--constant", "madden2025=2", "--json")
    rows = {row["id"]: row["value"] for row in json.loads(out)["bounds"]}
    assert rows["corrected"] == 20 * 7 + 10
    assert rows["madden2025"] == 2 * 10 * (2 + 100 + 800) / 49


def test_bounds_as_a_table(capsys):
    code, out, _ = run(capsys, "bounds", *SHAPE)
    assert code == 0
    assert re.search(r"dana2025 +≥ 210 +1,185 +next token +1 2 +text", out)
    assert re.search(r"kajitsuka2025 +Θ~\(P\^2\) +classes +\d+ +abstract", out)
    assert re.search(r"barnfield2026 +≈ 677 +6,366 +d = 94 +one of T +", out)
    assert re.search(r"^ 1 d >= 2", out, re.MULTILINE)


def test_plan_as_json(capsys):
    code, out, _ = run(
        capsys, "plan", "--associations", "700", *TASK[2:], "--embedding-dim", "10", "--head-dim", "10", "--json"
    )
    plans = json.loads(out)["plans"]
    assert code == 0
    assert {"method", "embedding_dim", "head_dim", "heads", "parameters", "source", "dtype"} <= plans[0].keys()
    assert {p["dtype"] for p in plans} == {"float32"}
    assert {p["method"]: p["heads"] for p in plans} == {"theorem": 69, "margin": 23}


def test_plan_as_a_table_with_a_picture(capsys, tmp_path):
    picture = tmp_path / "plan.svg"
    code, out, _ = run(capsys, "plan", *TASK, "--plot", str(picture))
    assert code == 0
    assert "theorem" in out
    assert picture.read_text().startswith("<svg")
    code, _, err = run(capsys, "plan", *TASK, "--plot", str(picture))
    assert code == 2
    assert "force its replacement" in err


def test_plan_of_a_source(capsys, monkeypatch):
    task = type("Task", (), {"associations": 100, "vocabulary_size": 50, "context": 2, "bits": 500.0})()
    tasks = type(sys)("attncap.tasks")
    tasks.load = lambda source, **_: {"capitals.csv": task}[source]
    monkeypatch.setitem(sys.modules, "attncap.tasks", tasks)
    monkeypatch.setattr(attncap, "tasks", tasks, raising=False)
    _, out, _ = run(capsys, "plan", "capitals.csv", "--json")
    assert json.loads(out) == plan(task).to_dict()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bounds", *SHAPE[:-1], "0"], "--heads: expected at least 1, got 0"),
        (["bounds", *SHAPE, "--constant", "vardi2022"], "ID=VALUE"),
        (["bounds", *SHAPE, "--constant", "vardy2022=1"], "vardi2022"),
        (["bounds", *SHAPE, "--constant", "vardi2022=nan"], "--constant: expected a number for vardi2022, got nan"),
        (["bounds", *SHAPE[2:]], "--vocabulary"),
        (["plan", "--associations", "5"], "got no vocabulary and no context"),
        (["plan", "facts.csv", "--associations", "5"], "both"),
        (["plan", "--associations", "5000", *TASK[2:]], "2,500"),
        (["plan", *TASK, "--plot", "plan.bmp"], ".bmp"),
        (["cite", "dana2024"], "dana2025"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_cite(capsys):
    code, out, _ = run(capsys, "cite", "mahdavi2024-shared", "examples", "margin")
    assert code == 0
    assert re.findall(r"@\w+{(\w+),", out) == ["mahdavi2024", "attncap", "dana2025"]


def test_citation_of_results_names_exactly_what_was_used():
    plans = plan(associations=100, vocabulary=50, context=2, constants={"vardi2022": 1})
    cited = re.findall(r"@\w+{(\w+),", attncap.citation(plans))
    assert set(cited) == {"attncap", "dana2025", "vardi2022", "morris2025", "allenzhu2025"}
    assert len(cited) == 5
    fit = construct.theorem(random_associations(8, 2, 20), embedding_dim=8)
    assert attncap.citation(fit) == SOURCES["dana2025"].bibtex()
    with pytest.raises(attncap.errors.InputError, match="int"):
        attncap.citation(3)


def test_light_modules_leave_sympy_alone():
    code = "import sys, attncap, attncap.cli; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
