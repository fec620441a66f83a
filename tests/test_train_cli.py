"""``attncap train``, the capacity of trained models, cells of sweeps, and the figures of Dana et al."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from attncap import measure, sweep, tasks, train
from attncap.commands.train import OPTIONS, recipe_of, train_cell, train_many, train_one
from attncap.errors import InputError
from attncap.papers.dana2025 import figures as dana2025
from attncap.papers.dana2025.published import EXPERIMENTS
from attncap.papers.ours import capacities as figure
from attncap.papers.stored import stored
from attncap.plots import training_chart
from attncap.train import PAPER
from attncap.train.loop import lanes, recipes
from attncap.train.loop.lanes import train as train_lanes
from attncap.train.loop.recipes import rates

from .command import run
from .marks import marks

TINY = {"vocabulary": 10, "embedding_dim": 2, "recipe": "paper", "steps": 64}


def test_train_prints_the_fields_of_the_contract(capsys):
    words = [
        "train",
        "random:10,2,20",
        "--embedding-dim",
        8,
        "--head-dim",
        8,
        "--heads",
        2,
        "--seeds",
        2,
        "--steps",
        300,
    ]
    code, out, _ = run(capsys, *words, "--json")
    found = json.loads(out)
    assert code == 0
    assert {"accuracy", "bits", "bits_per_parameter", "steps", "seconds_compile", "seconds_train"} <= found.keys()
    assert found["accuracy"] == [1.0, 1.0]
    assert len(found["bits"]) == len(found["bits_per_parameter"]) == len(found["steps"]) == 2
    assert found["seeds"] == [0, 1]
    np.testing.assert_allclose(found["bits"], 20 * np.log2(10))


def test_a_person_sees_a_row_a_model(capsys):
    sizes = ["--embedding-dim", 4, "--heads", 2, "--depth", 2, "--width", 3, "--steps", 64]
    code, out, _ = run(capsys, "train", "random:10,2,60", *sizes, "--recipe", "paper", "--seed", 7, "--seeds", 2)
    lines = [line.split() for line in out.splitlines()]
    assert code == 0
    assert "2 layers of 2 heads of 4, perceptrons of 3, embedding dimension 4; 398 parameters" in out
    assert "accuracy of the last 100 batches" in out
    assert [row[0] for row in lines[-2:]] == ["7", "8"]
    assert all(row[1].endswith("%") and row[-1] == "64" for row in lines[-2:])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["random:10,2,20", "--embedding-dim", 8, "--heads", 0], "--heads: expected at least 1, got 0"),
        (["random:10,2,20", "--embedding-dim", 8, "--head-dim", 0, "--heads", 1], "--head-dim: expected at least 1"),
        (["random:10,2,20", "--embedding-dim", 8, "--heads", 1, "--recipe", "bset"], "did you mean 'best'"),
        (["random:10,2,20", "--embedding-dim", 8, "--heads", 1, "--seeds", 0], "--seeds: expected at least 1, got 0"),
        (["random:10,2,20", "--embedding-dim", 8, "--heads", 1, "--steps", 0], "--steps: expected at least 1, got 0"),
        (["--embedding-dim", 8, "--heads", 1], "or vocabulary, got no vocabulary"),
        (["random:10,2,20", "--embedding-dim", 8, "--heads", 1, "--count", 9], "--count: expected no source"),
        (["no-such-file.csv", "--embedding-dim", 8, "--heads", 1], "no such file"),
    ],
)
def test_bad_input(capsys, words, message):
    code, out, err = run(capsys, "train", *words)
    assert (code, out) == (2, "")
    assert message in err


def test_a_loss_that_is_not_finite_is_an_error(capsys, monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "wild", replace(PAPER, name="wild", rate=1e30, steps=64))
    words = ["train", "random:10,2,100", "--embedding-dim", 2, "--heads", 5, "--recipe", "wild"]
    code, _, err = run(capsys, *words)
    assert (code, "is not finite" in err) == (1, True)


def test_capacity_brackets_what_training_memorizes():
    found = train.capacity(10, 2, 3, heads=1, steps=512, seeds=3, resolution=0.1)
    low, high = found.bracket
    assert found.theorem == 6 < found.capacity == low < high <= 1.11 * low + 1
    assert found.bits == pytest.approx(low * np.log2(10), rel=0.05)
    # Two of three seeds hold the lower end, and not all hold the upper.
    assert sorted(found.seeds)[1] >= low
    assert found.tried[high] < 1
    assert {"capacity", "bracket", "theorem", "rank", "seeds"} <= found.to_dict().keys()
    with pytest.raises(InputError, match="target"):
        train.capacity(10, 2, 3, heads=1, target=1.5)


def test_memorize_keeps_a_model_that_recalls_everything(capsys, tmp_path):
    words = ["memorize", "random:10,2,60", "--method", "train", "--embedding-dim", 8, "--heads", 3]
    code, out, _ = run(capsys, *words, "--out", tmp_path / "kept", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["method"], found["recall"]["float32"]["accuracy"]) == ("train", 1.0)
    code, out, _ = run(capsys, "recall", tmp_path / "kept", "--file", tmp_path / "kept" / "task.parquet", "--json")
    assert (code, json.loads(out)["correct"]) == (0, 60)
    code, _, err = run(capsys, *words[:-1], 1, "--embedding-dim", 2, "--out", tmp_path / "small")
    assert (code, "head recalls" in err, (tmp_path / "small").exists()) == (1, True, False)


def test_capacity_by_training_from_the_command_line(capsys):
    shape = ["--vocabulary", 10, "--context", 2, "--embedding-dim", 2, "--heads", 1]
    words = ["capacity", "--kind", "associations", *shape, "--seeds", 1, "--json"]
    code, out, _ = run(capsys, *words, "--method", "train", "--target", 0.8)
    found = json.loads(out)
    assert (code, found["method"], found["target"]) == (0, "train", 0.8)
    assert found["theorem"] == 4 < found["capacity"]
    for refused in (["--method", "margin", "--target", 0.8], ["--method", "train", "--dtype", "float64"]):
        assert run(capsys, *words, *refused)[0] == 2


def test_cells_run_in_a_sweep_and_alone_alike(tmp_path):
    grid = sweep.Grid("train", fixed=TINY, product={"heads": [5, 6, 20]}, seeds=2)
    done = sweep.run(grid, tmp_path)
    assert (done.done, done.failed) == (6, 0)
    table = sweep.table(tmp_path)
    for row in table.iter_rows(named=True):
        if row["heads"] == 6:
            alone = train_one(**TINY, heads=6, seed=row["seed"])
            assert alone["accuracy"] == row["result.accuracy"]
            assert alone["bits"] == row["result.bits"]


def test_a_cell_trains_on_a_source_or_on_its_numbers(tmp_path):
    table = tmp_path / "facts.csv"
    table.write_text("".join(f"s{k},o{k % 3}\n" for k in range(9)))
    options = {**TINY, "heads": 2, "seed": 3}
    numbers = train_one(**options, count=30)
    named = {name: value for name, value in options.items() if name != "vocabulary"}
    assert train_one("random:10,2,30", **named) == numbers
    assert train_one(str(table), **named)["parameters"] != numbers["parameters"]


def test_cells_of_one_program_share_a_pack():
    def key(**options):
        return train_cell.pack_key({**OPTIONS, **TINY, **options})

    assert key(heads=5, seed=1) == key(heads=8, seed=2) != key(heads=9)
    assert key(heads=5) != key(heads=5, steps=65)
    assert recipe_of({**OPTIONS, **TINY, "batch": 16}).batch == 16


def test_cells_that_fill_a_pack_are_one_model(monkeypatch):
    trained = []
    monkeypatch.setattr(lanes, "train", lambda lanes, recipe: trained.append(lanes) or train_lanes(lanes, recipe))
    one, last = ({**OPTIONS, **TINY, "heads": heads, "seed": 1} for heads in (5, 6))
    found = train_many([one, last, last, last])
    assert [len(lanes) for lanes in trained] == [2]
    assert found[0] == train_one(**{**TINY, "heads": 5, "seed": 1}) != found[1] == found[2] == found[3]


def test_the_published_numbers_are_whole():
    assert [one.id for one in EXPERIMENTS] == ["fig1a", "fig1b", "fig2a", *(f"fig{n}" for n in range(3, 11))]
    for one in EXPERIMENTS:
        for line in one.lines:
            assert len(line.accuracy) == len(one.values)
            assert all(0 < value <= 1 for value in line.accuracy)
    cell = EXPERIMENTS[3].cell(EXPERIMENTS[3].lines[-1], 6, "paper")
    assert (cell["heads"], cell["width"], cell["batches"], cell["steps"]) == (1, 2 * 13 * 5, 256, 16384)
    assert "steps" not in EXPERIMENTS[3].cell(EXPERIMENTS[3].lines[0], 6, "best")


@pytest.mark.parametrize(
    ("figure", "line", "lr", "low"),
    [
        ("fig1a", 0, 0.1, 0.005),
        ("fig3", 0, 0.1, 0.005),
        ("fig3", -1, 0.1, 0.001),
        ("fig7", 0, 0.1, 0.005),
        ("fig7", -1, 0.1, 0.001),
        ("fig8", 0, 0.05, 0.05),
        ("fig10", -1, 0.05, 0.05),
    ],
)
def test_every_figure_has_the_learning_rates_of_the_authors(figure, line, lr, low):
    """PyTorch's LinearLR multiplies the rate lr by a factor from lr to low, epoch by epoch."""
    one = next(one for one in EXPERIMENTS if one.id == figure)
    recipe = recipe_of({**OPTIONS, **one.cell(one.lines[line], one.values[0], "paper")})
    epochs = np.arange(recipe.steps) // recipe.batches
    assert epochs[-1] == 63
    np.testing.assert_allclose(rates(recipe, recipe.steps), lr * (lr + (low - lr) * epochs / 64))


def test_a_figure_shows_the_published_points_and_the_floor(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    wanted = dana2025.scaled(replace(EXPERIMENTS[4], seeds=2, schedule={"steps": 64}), "quick")
    drawn = dana2025.experiment(wanted, ["paper"], 0)
    assert drawn.table["published"].unique().sort().to_list() == [0.33, 0.633, 0.858]
    # Corollary 2 at H = 1, N = 10: .1 + .9 (H d_h + d) / N^2.
    assert drawn.table["theorem"].to_list()[:2] == pytest.approx([0.136, 0.136])
    assert drawn.measured["paper: within 0.05"].endswith(" of 3")
    assert drawn.chart.to_dict()["title"]["subtitle"][0] == "Dana et al. 2025, Figure 4"
    again = dana2025.experiment(wanted, ["paper"], 0)
    assert again.table.equals(drawn.table)
    assert sweep.status(tmp_path / "attncap" / "papers" / "train").done == 6


@pytest.mark.parametrize("wanted", EXPERIMENTS, ids=lambda one: one.id)
def test_a_quick_figure_is_a_part_of_the_paper_s(wanted):
    quick = dana2025.scaled(wanted, "quick")
    assert dana2025.scaled(wanted, "paper") is wanted
    assert dana2025.minutes(quick, ["paper"]) <= 8
    assert set(quick.values) <= set(wanted.values)
    whole = {line.label: dict(zip(wanted.values, line.accuracy, strict=True)) for line in wanted.lines}
    for line in quick.lines:
        assert line.accuracy == tuple(whole[line.label][value] for value in quick.values)


def test_the_list_says_how_long_a_figure_takes(capsys):
    code, out, _ = run(capsys, "reproduce", "dana2025", "--list", "--scale", "paper", "--json")
    listed = {one["id"]: one for one in json.loads(out)["figures"]}
    assert code == 0
    assert [*listed][:5] == ["fig1a", "fig1b", "fig2a", "fig2b", "fig3"]
    # Experiment 1 of the appendix, at N = 200, is hours of one core; figure 4 some minutes.
    assert listed["fig5"]["minutes"] > 120 > 10 > listed["fig4"]["minutes"]
    assert "minutes of one core" in run(capsys, "reproduce", "dana2025", "--list")[1]
    assert "minutes of one core" not in run(capsys, "reproduce", "liao2025", "--list")[1]
    assert run(capsys, "reproduce", "dana2025", "--list", "--scale", "huge")[0] == 2


def test_published_slopes():
    published = next(one for one in dana2025.FIGURES if one.id == "fig2b").published["slopes"]
    assert published[10] == pytest.approx(0.0340, abs=5e-4)
    # About 8.7 d_h associations a head, ten times what the theorem promises.
    assert published[10] * 2500 / 10 == pytest.approx(8.5, abs=0.5)


def test_a_point_that_two_lines_share_runs_once(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cells = [{**TINY, "heads": heads, "seed": 0} for heads in (2, 1, 2)]
    rows = stored("train", cells)["bits"].to_list()
    assert rows[0] == rows[2] != rows[1]
    assert sweep.status(tmp_path / "attncap" / "papers" / "train").cells == 2


def test_promised_constructed_and_trained_on_one_picture(monkeypatch):
    capacities = [{"seeds": [9 * h, 5 * h, 7 * h]} for h in (1, 4, 11)]
    asked = []
    monkeypatch.setattr(figure, "stored", lambda command, cells: asked.extend(cells) or pl.DataFrame(capacities * 2))
    drawn = figure.capacities("quick", 0)
    assert {cell["method"] for cell in asked} == {"margin", "train"}
    promised = drawn.table.filter(pl.col("series") == figure.PROMISED)
    assert promised["associations"].to_list() == [20, 50, 120]
    trained = drawn.table.filter(pl.col("series") == figure.TRAINED).row(2, named=True)
    assert (trained["low"], trained["associations"], trained["high"]) == (55, 77, 99)
    # d (S + 2 N + 4 d_h H) = 5,420 parameters at H = 11.
    assert promised["bits_per_parameter"][2] == pytest.approx(120 * np.log2(50) / 5420)
    assert trained["bits_per_parameter"] == pytest.approx(77 * np.log2(50) / 5420)
    assert set(figure.EMPIRICAL.values()) == {2.0, 3.6}
    assert len(drawn.chart.to_dict()["hconcat"]) == 2


def test_curves_end_where_a_model_stops_at_what_it_holds(tmp_path, capsys):
    task = tasks.random_associations(vocabulary=10, context=2, count=20, seed=0)
    found = train.ensemble(task, embedding_dim=8, heads=2, seeds=2, steps=300)
    last = found.curves.group_by("seed", maintain_order=True).last()
    assert last["step"].to_list() == found.steps.tolist()
    assert last["accuracy"].to_list() == [1.0, 1.0]
    assert last["bits"].to_list() == found.bits.tolist()
    np.testing.assert_allclose(last["bits_per_parameter"], last["bits"] / found.parameters)
    drawn = training_chart(found, points=10).to_dict()
    assert max(len(rows) for _, _, rows in marks(drawn)) <= 20
    words = ["train", "random:10,2,20", "--embedding-dim", 8, "--heads", 2, "--steps", 64, "--plot"]
    assert run(capsys, *words, tmp_path / "run.svg")[0] == 0
    assert "bits per parameter" in (tmp_path / "run.svg").read_text()
    for name, message in (("run.svg", "exists already"), ("run.gif", "cannot draw")):
        code, out, err = run(capsys, *words, tmp_path / name)
        assert (code, out, message in err) == (2, "", True)


def test_curves_are_one_measure_throughout():
    task = tasks.random_associations(10, 2, 90, seed=0)
    found = train.ensemble(task, 4, heads=2, seeds=2, steps=130, recipe="paper")
    for k, curve in enumerate(found.curves.partition_by("seed")):
        measured = curve.drop_nulls("bits")
        assert curve["loss"].null_count() == 1
        assert measured["step"].to_list() == [0, 64, 128, 130]
        assert measured["bits"][-1] == found.bits[k] == measure.bits(found.models[k], task)
