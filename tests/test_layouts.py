"""Data sets of facts as they are published, and the options with which every command reads them."""

import inspect
import json

import pandas as pd
import polars as pl
import pytest

from attncap import tasks
from attncap.commands.options import options
from attncap.sweep.commands import COMMANDS, resolve
from attncap.tasks import facts

from .command import run

TREX = [
    {"uuid": "a1", "obj_uri": "Q90", "obj_label": "Paris", "sub_uri": "Q142", "sub_label": "France",
     "predicate_id": "P36", "evidences": [{"sub_surface": "France", "masked_sentence": "[MASK] is its seat."}]},
    {"uuid": "a2", "obj_uri": "Q2868", "obj_label": "Lima", "sub_uri": "Q419", "sub_label": "Peru",
     "predicate_id": "P36", "evidences": []},
]  # fmt: skip
COUNTERFACT = [
    {"case_id": 0, "pararel_idx": 1, "requested_rewrite": {
        "prompt": "The mother tongue of {} is", "relation_id": "P103", "subject": "Ana Roe",
        "target_new": {"str": "English", "id": "Q1860"}, "target_true": {"str": "French", "id": "Q150"}},
     "paraphrase_prompts": ["Where Ana Roe is from, people speak"], "neighborhood_prompts": ["Bo Lee speaks"],
     "attribute_prompts": [], "generation_prompts": ["Ana Roe's tongue is"]},
]  # fmt: skip
POPQA = (
    "id\tsubj\tprop\tobj\tsubj_id\tprop_id\tobj_id\ts_aliases\to_aliases\ts_pop\to_pop\tquestion\tpossible_answers\n"
    '1\tAna Roe\toccupation\tpolitician\t1\t22\t2\t["Ana M. Roe"]\t["pol"]\t142\t25692\tWhat is her job?\t["pol"]\n'
    "2\tThe Hour\tgenre\tdrama\t3\t91\t4\t[]\t[]\t1\t2\tWhat kind of work?\t[]\n"
    "3\tThe Hour\tgenre\tcomedy\t5\t91\t6\t[]\t[]\t3\t4\tWhat kind of work?\t[]\n"
)
KNOWEDIT = [
    {"subject": "Ana Roe", "prompt": "The post held by Ana Roe is", "target_new": "mayor", "ground_truth": ["none"],
     "portability": {"Subject_Aliasing": [{"prompt": "p", "ground_truth": [["mayor"]]}]}, "locality": {}},
    {"subject": "Bo Lee", "prompt": "The post held by Bo Lee is", "target_new": "judge", "ground_truth": [],
     "portability": {}, "locality": {"Relation_Specificity": []}},
]  # fmt: skip
REWRITE = "requested_rewrite."
LAYOUTS = {
    "trex.jsonl": (
        "\n".join(map(json.dumps, TREX)),
        {"subject": "sub_label", "relation": "predicate_id", "object": "obj_label"},
        {("P36", "France"): "Paris", ("P36", "Peru"): "Lima"},
    ),
    "counterfact.json": (
        json.dumps(COUNTERFACT, indent=2),
        {"subject": f"{REWRITE}subject", "relation": f"{REWRITE}relation_id", "object": f"{REWRITE}target_true.str"},
        {("P103", "Ana Roe"): "French"},
    ),
    "popqa.tsv": (
        POPQA,
        {"subject": "subj", "relation": "prop", "object": "obj", "on_conflict": "first"},
        {("occupation", "Ana Roe"): "politician", ("genre", "The Hour"): "drama"},
    ),
    "knowedit.json": (
        json.dumps(KNOWEDIT),
        {"subject": "subject", "relation": "prompt", "object": "target_new"},
        {
            ("The post held by Ana Roe is", "Ana Roe"): "mayor",
            ("The post held by Bo Lee is", "Bo Lee"): "judge",
        },
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_published_layout_is_read_and_what_is_left_out_is_said(tmp_path, name):
    text, columns, wanted = LAYOUTS[name]
    (tmp_path / name).write_text(text)
    task = tasks.load(tmp_path / name, **columns)
    assert dict(map(task.words, range(task.associations))) == wanted
    assert any("ignored" in note for note in task.notes)


def test_the_line_that_refuses_a_conflict_names_an_option_that_there_is(capsys, tmp_path):
    text, columns, _ = LAYOUTS["popqa.tsv"]
    path = tmp_path / "popqa.tsv"
    path.write_text(text)
    chosen = [word for name in ("subject", "relation", "object") for word in (f"--{name}", columns[name])]
    for words in (["memorize", path, "--out", tmp_path / "m"], ["train", path, "--heads", 1], ["plan", path]):
        code, _, err = run(capsys, *words, *chosen, "--embedding-dim", 8)
        assert (code, "on_conflict first" in err) == (2, True)
    assert run(capsys, "plan", path, *chosen, "--on-conflict", "first")[0] == 0
    memory = ["memorize", path, *chosen, "--embedding-dim", 8, "--on-conflict", "first", "--out", tmp_path / "m"]
    assert run(capsys, *memory)[0] == 0
    assert run(capsys, "recall", tmp_path / "m", "--file", path, *chosen, "--on-conflict", "first")[0] == 0


def test_a_memory_of_several_answers_says_so(capsys, tmp_path):
    path = tmp_path / "conflict.csv"
    path.write_text("country,tongue\nPeru,Spanish\nPeru,Quechua\nFiji,English\n")
    made = ["memorize", path, "--embedding-dim", 8, "--on-conflict", "distribution", "--out", tmp_path / "m"]
    code, _, err = run(capsys, *made)
    assert (code, err) == (0, "")
    code, out, _ = run(capsys, "recall", tmp_path / "m", "Peru", "tongue", "--json")
    answers = json.loads(out)["answers"]
    assert code == 0
    assert answers == {"Spanish": pytest.approx(0.5, abs=0.01), "Quechua": pytest.approx(0.5, abs=0.01)}
    shown = run(capsys, "recall", tmp_path / "m", "Peru", "tongue")[1]
    assert sorted(shown.split()) == ["50.0%", "50.0%,", "Quechua", "Spanish"] or "Spanish 50.0%" in shown
    assert run(capsys, "report", tmp_path / "m")[0] == 0
    page = (tmp_path / "m" / "report.html").read_text(encoding="utf-8")
    told = (f"{one} 50.0%, {other} 50.0%" for one, other in (("Spanish", "Quechua"), ("Quechua", "Spanish")))
    assert any(words in page for words in told)
    code, _, err = run(capsys, "recall", tmp_path / "m", "--file", path)
    assert (code, "memorize's on_conflict distribution" in err) == (2, True)


def test_every_command_that_takes_a_source_takes_the_columns_of_a_table():
    taking = {name: options(resolve(name).function) for name in COMMANDS}
    taking = {name: taken for name, taken in taking.items() if "source" in taken}
    assert {"memorize", "plan", "train", "encode"} <= taking.keys()
    for name, taken in taking.items():
        assert {"subject", "relation", "object", "context"} <= taken.keys(), name
        # What stores distributions keeps every answer.
        assert ("on_conflict" in taken) != (name == "encode"), name
    from attncap.cli.recall import recall

    assert {"subject", "relation", "object", "context", "on_conflict"} <= inspect.signature(recall).parameters.keys()


def test_columns_without_a_table_are_refused(capsys):
    numbers = ["--vocabulary", 10, "--context", 2, "--subject", "x"]
    for words in (["plan", "--associations", 20], ["train", "--embedding-dim", 4, "--heads", 1, "--count", 20]):
        code, _, err = run(capsys, *words, *numbers)
        assert (code, err.startswith("attncap: --subject: expected a source")) == (2, True)


def test_frames_of_pandas_and_polars_are_tables():
    columns = {"country": ["Peru", "Fiji"], "capital": ["Lima", None], "people": [34.0, None]}
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns), pd.DataFrame(columns, index=["a", "b"])):
        task = facts(frame)
        assert [task.words(row) for row in range(2)] == [(("capital", "Peru"), "Lima"), (("people", "Peru"), "34.0")]
