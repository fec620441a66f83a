"""``attncap train --kind examples``, the capacity of trained layers, and cells of sweeps."""

import json

import pytest

from attncap import sweep
from attncap.commands.train import OPTIONS, train_many, train_one
from attncap.errors import InputError
from attncap.plots import layers_chart
from attncap.tasks import uniform_examples
from attncap.train import examples, trained_examples_capacity

from .command import run
from .marks import marks

SIZES = {"kind": "examples", "embedding_dim": 6, "context": 3, "heads": 2, "count": 40, "classes": 4}
WORDS = [word for name, value in SIZES.items() for word in (f"--{name.replace('_', '-')}", value)]


def test_train_prints_what_each_layer_memorized(capsys, tmp_path):
    words = ["train", *WORDS, "--seeds", 2, "--steps", 1024]
    code, out, _ = run(capsys, *words, "--json", "--plot", tmp_path / "run.svg")
    found = json.loads(out)
    assert code == 0
    assert all(share > 0.9 for share in found["accuracy"])
    assert all((bits == 80) == (share == 1) for bits, share in zip(found["bits"], found["accuracy"], strict=True))
    assert found["task"]["name"] == "uniform examples: n=3, d=6"
    assert (tmp_path / "run.svg").exists()
    code, out, _ = run(capsys, *words)
    assert "all examples at every step" in out
    rows = [line.split()[:2] for line in out.splitlines()[-2:]]
    assert rows == [[str(k), f"{share:.2%}"] for k, share in enumerate(found["accuracy"])]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--vocabulary", 9], "--vocabulary: expected kind associations, got 'kind examples'"),
        (["--depth", 2], "--depth: expected kind associations, got 'kind examples'"),
        (["--context", 0], "--context: expected at least 1, got 0"),
        (["--classes", 1], "--classes: expected 0 for real labels, or at least 2, got 1"),
        (["--recipe", "bset"], "did you mean 'best'"),
        (["--steps", 0], "--steps: expected at least 1, got 0"),
        (["--score-cap", -1], "--score-cap: expected above 0, got -1"),
        (["--without", "attention"], "--without: expected 'embedding' or 'positions' or 'decoder'"),
    ],
)
def test_bad_input(capsys, more, message):
    code, out, err = run(capsys, "train", *WORDS, *more)
    assert (code, out) == (2, "")
    assert message in err


def test_options_of_examples_are_refused_for_associations(capsys):
    code, _, err = run(capsys, "train", "random:10,2,20", "--embedding-dim", 8, "--heads", 1, "--classes", 3)
    assert (code, "--classes: expected kind examples, got 'kind associations'" in err) == (2, True)


def test_a_cell_is_the_same_alone_packed_and_in_a_sweep(tmp_path):
    cells = [{**OPTIONS, **SIZES, "steps": 64, "recipe": "paper", "seed": seed} for seed in range(2)]
    packed = train_many(cells)
    alone = train_one(**cells[1])
    assert packed[1] == alone != packed[0]
    assert alone["looks"]["step"] == [0, 64]
    grid = sweep.Grid("train", fixed={**SIZES, "steps": 64, "recipe": "paper"}, seeds=2)
    sweep.run(grid, tmp_path / "store")
    assert sweep.table(tmp_path / "store")["result.loss"].to_list() == [one["loss"] for one in packed]


def test_capacity_by_training(capsys):
    words = ["capacity", "--kind", "examples", "--method", "train", "--context", 3, "--embedding-dim", 4, "--heads", 1]
    more = ["--classes", 4, "--target", 0.9, "--steps", 512, "--seeds", 1, "--json"]
    code, out, _ = run(capsys, *words, *more)
    found = json.loads(out)
    assert code == 0
    assert found["theorem"] == 3 < found["capacity"]
    assert found["tried"][str(found["capacity"])] >= 0.9 > found["tried"][str(found["bracket"][1])]
    code, _, err = run(capsys, *words[:4], "lstsq", *words[5:], "--classes", 4)
    assert (code, "expected kind examples and method train" in err) == (2, True)


def test_real_labels_have_a_target_below_one():
    with pytest.raises(InputError, match="target: expected below 1 for real labels"):
        trained_examples_capacity(3, 4, classes=0, target=1.0)


def test_the_chart_draws_every_look():
    chart = layers_chart(examples(uniform_examples(20, 3, 4, 0), heads=1, seeds=2, steps=256)).to_dict()
    _, _, rows = marks(chart)[0]
    assert {row["step"] for row in rows} == {0, 128, 256}
    assert len(chart["hconcat"]) == 2
