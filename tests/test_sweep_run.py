import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from attncap import progress
from attncap.errors import InputError, UnmetError
from attncap.interpolation import error
from attncap.sweep import Grid, export, run, status, table
from attncap.sweep.commands import COMMANDS
from attncap.sweep.numbers import VARIABLES
from attncap.sweep.store import Store

HERE = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def _cells_are_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def draws(**change) -> Grid:
    return Grid("sweep_cells:draw", **({"product": {"scale": [1.0, 2.0, 3.0]}, "seeds": 4} | change))


def results(out: Path) -> dict[str, str]:
    with Store(out) as store:
        return {row["key"]: row["result"] for row in store.rows()}


def test_the_numbers_are_those_of_the_function(tmp_path: Path):
    sweep = run(draws(), tmp_path)
    assert (sweep.cells, sweep.done, sweep.failed, sweep.resumed) == (12, 12, 0, 0)
    frame = table(tmp_path)
    assert frame["seed"].to_list() == [0, 1, 2, 3] * 3
    expected = [s * np.random.default_rng(k).normal(size=100).mean() for s in (1.0, 2.0, 3.0) for k in range(4)]
    assert frame["result.mean"].to_list() == expected
    assert frame["result.nested.seed"].to_list() == frame["seed"].to_list()


def test_the_table_is_in_the_order_of_the_grid_whatever_ran_before(tmp_path: Path):
    run(draws(product={"scale": [2.0, 3.0]}, seeds=1), tmp_path)
    run(draws(product={"scale": [3.0, 1.0, 2.0, 4.0]}, seeds=1), tmp_path)
    assert table(tmp_path)["scale"].to_list() == [3.0, 1.0, 2.0, 4.0]


def test_a_sweep_continues_grows_and_shrinks(tmp_path: Path):
    fixed = {"log": str(tmp_path)}
    run(draws(fixed=fixed), tmp_path)
    grown = run(draws(fixed=fixed, seeds=6), tmp_path)
    assert (grown.cells, grown.resumed) == (18, 12)
    shrunk = run(draws(fixed=fixed, seeds=2), tmp_path)
    assert (shrunk.cells, shrunk.done, shrunk.resumed) == (6, 6, 6)
    assert table(tmp_path).height == 6
    assert run(draws(fixed=fixed, seeds=6), tmp_path).resumed == 18
    assert len((tmp_path / "log").read_text().splitlines()) == 18


@pytest.mark.parametrize("how", ["raises", "memory", "exits", "list", "object", "nan", "inf"])
def test_a_failing_cell_is_recorded_with_its_text_and_the_others_go_on(tmp_path: Path, how: str):
    sweep = run(Grid("sweep_cells:wrong", product={"how": ["1.5", how, "2.5"]}), tmp_path)
    assert (sweep.done, sweep.failed) == (2, 1)
    row = table(tmp_path).row(1, named=True)
    text = {
        "raises": "ValueError: no such shape at seed 0",
        "memory": "MemoryError: Unable to allocate",
        "exits": "SystemExit: a library gave up",
        "list": "a cell returns a Result or a mapping, not a list",
        "object": "TypeError: Object of type object is not JSON serializable",
        "nan": "FloatingPointError: value is nan, array[1] is nan",
        "inf": "FloatingPointError: value is inf, array[1] is inf",
    }[how]
    assert row["status"] == "failed"
    assert text in row["error"]
    assert status(tmp_path).failures[0].first == {"how": how}


def test_a_simulated_interpolation_is_one_draw_a_cell(tmp_path: Path):
    grid = Grid("interpolation", fixed={"ratio": 0.5, "ridge": 1.0, "simulate": True, "tokens": 200}, seeds=6)
    run(grid, tmp_path)
    frame = table(tmp_path)
    drawn = frame["result.simulated.mean"].to_numpy()
    together = error("tanh", ratio=0.5, ridge=1.0).simulate(tokens=200, seeds=6)
    assert set(frame["result.theory"]) == {together.theory}
    assert len(set(drawn)) == 6
    assert abs(drawn.mean() - together.theory) < 5 * drawn.std() / 6**0.5


def test_failed_cells_run_again_only_when_asked(tmp_path: Path):
    grid = Grid("sweep_cells:wrong", product={"how": ["1.0", "raises"]}, seeds=2)
    run(grid, tmp_path)
    assert run(grid, tmp_path).resumed == 4
    again = run(grid, tmp_path, retry_failed=True)
    assert (again.failed, again.resumed) == (2, 2)


def test_a_killed_worker_takes_only_its_cell_with_it(tmp_path: Path):
    sweep = run(
        Grid("sweep_cells:wrong", product={"how": ["1.0", "killed", "2.0", "3.0", "raises"]}), tmp_path, workers=2
    )
    assert (sweep.done, sweep.failed) == (3, 2)
    assert "the worker process died" in table(tmp_path).row(1, named=True)["error"]


def test_workers_give_the_numbers_of_one_process(tmp_path: Path):
    for grid in (draws(), Grid("sweep_cells:product", seeds=6)):
        name = str(grid.command).partition(":")[2]
        run(grid, tmp_path / f"{name}-serial")
        for workers in (1, 2, 3):
            run(grid, tmp_path / f"{name}-{workers}", workers=workers)
            assert results(tmp_path / f"{name}-{workers}") == results(tmp_path / f"{name}-serial")


@pytest.mark.parametrize("outside", [None, "1", "2"])
def test_threads_set_outside_change_no_number(tmp_path: Path, outside: str | None):
    """A new process with other settings, and JAX's sums, which are taken in as many parts as it has threads."""
    program = """
import json, os, sys
from attncap.sweep import Grid, run, table
run(Grid("sweep_cells:sums"), sys.argv[1])
run(Grid("sweep_cells:sums"), sys.argv[1] + "-2", workers=2)
for out in (sys.argv[1], sys.argv[1] + "-2"):
    row = table(out).row(0, named=True)
    print(row["result.blas"], row["result.jax"], json.loads(row["environment"])["threads"])
"""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment |= {name: outside for name in VARIABLES if outside} | {"PYTHONPATH": os.pathsep.join([HERE, *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", f"if __name__ == '__main__':\n    exec({program!r})", str(tmp_path / "out")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == second
    assert first.endswith(" 1")


def test_the_libraries_have_the_threads_that_a_sweep_asks_for(tmp_path: Path):
    for number in (1, 2):
        run(Grid("sweep_cells:threads", threads=number), tmp_path)
        row = table(tmp_path).row(0, named=True)
        assert set(row["result.threads"]) == {number}
        assert json.loads(row["environment"])["threads"] == number


def test_a_pack_is_always_full_and_fails_cell_by_cell(tmp_path: Path):
    bases = [*range(1, 12), 13]
    sweep = run(Grid("sweep_cells:packed", product={"base": bases}), tmp_path, workers=2)
    assert (sweep.cells, sweep.failed) == (12, 2)
    frame = table(tmp_path)
    assert frame.filter(pl.col("status") == "failed")["base"].to_list() == [7, 13]
    done = frame.filter(pl.col("status") == "done")
    assert done["result.square"].to_list() == [b**2 for b in bases if b not in (7, 13)]
    assert set(done["result.lanes"]) == {4}


def test_packing_does_not_change_a_number(tmp_path: Path):
    pytest.importorskip("jax")
    rates = [0.1, 0.05, 0.02]
    run(Grid("sweep_cells:descent", product={"rate": rates}, seeds=3), tmp_path / "packs")
    run(Grid("sweep_cells:descent", product={"rate": rates}, seeds=3), tmp_path / "workers", workers=1)
    packs = results(tmp_path / "packs")
    assert packs == results(tmp_path / "workers")
    alone = Grid("sweep_cells:descent", fixed={"rate": 0.02}, seeds=1)
    run(alone, tmp_path / "alone")
    ((key, result),) = results(tmp_path / "alone").items()
    assert packs[key] == result


def test_a_pack_of_one_is_the_function(tmp_path: Path):
    run(Grid("sweep_cells:packed", product={"base": [7, 8]}, pack_size=1), tmp_path)
    assert table(tmp_path)["result.square"].to_list() == [49, 64]
    assert "result.lanes" not in table(tmp_path).columns


def test_a_pack_that_loses_a_cell_is_said(tmp_path: Path):
    sweep = run(Grid("sweep_cells:short", product={"base": [1, 2, 3]}), tmp_path)
    assert (sweep.done, sweep.failed) == (0, 3)
    assert "a pack returns one result a cell: expected 4, got 3" in status(tmp_path).failures[0].error


def test_another_device_or_code_is_not_recorded(tmp_path: Path):
    pytest.importorskip("jax")
    with pytest.raises(UnmetError, match=r"computes on cpu, the sweep asks for gpu|JAX here has no plugin for a GPU"):
        run(Grid("sweep_cells:descent", product={"rate": [0.1]}, device="gpu"), tmp_path)
    assert status(tmp_path).pending == 1


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_the_table_is_exported_whole(tmp_path: Path, suffix: str):
    run(Grid("collections:Counter", product={"heads": [1, 2], "rates": [[1, 2], [3]]}), tmp_path)
    path = tmp_path / f"table{suffix}"
    assert export(tmp_path, path) == 4
    frame = pl.read_parquet(path) if suffix == ".parquet" else pl.read_csv(path)
    assert frame["result.heads"].to_list() == [1, 1, 2, 2]
    rates = frame["result.rates"].to_list()
    assert (rates if suffix == ".parquet" else [json.loads(r) for r in rates]) == [[1, 2], [3], [1, 2], [3]]
    with pytest.raises(InputError, match="exists already"):
        export(tmp_path, path)


def test_a_table_keeps_columns_of_mixed_types(tmp_path: Path):
    run(Grid("collections:Counter", product={"x": [1, 2.5, "three"]}), tmp_path)
    assert table(tmp_path)["result.x"].to_list() == ["1", "2.5", "three"]


def test_what_is_no_store_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"has no results\.sqlite"):
        status(tmp_path)
    (tmp_path / "results.sqlite").write_text("not a database, but long enough to look for a header in it")
    with pytest.raises(InputError, match=r"expected the (whole )?store of a sweep"):
        run(draws(), tmp_path)
    (tmp_path / "results.sqlite").unlink()
    with sqlite3.connect(tmp_path / "results.sqlite") as connection:
        connection.execute("CREATE TABLE other (a)")
    connection.close()
    with pytest.raises(InputError, match="expected an attncap sweep of version 3, got version 0"):
        run(draws(), tmp_path)


def test_workers_or_a_cluster(tmp_path: Path):
    with pytest.raises(InputError, match="choose one"):
        run(draws(), tmp_path, workers=1, cluster="tcp://127.0.0.1:1")
    with pytest.raises(InputError, match="expected at least 1, got 0"):
        run(draws(), tmp_path, workers=0)


class Told:
    """Bars that remember what was said."""

    def __init__(self, log: Path):
        self.console, self.lines, self._log = self, [], log

    def print(self, text: str, **_: object) -> None:
        self.lines.append((text, self._log.exists()))

    def add_task(self, description: str, *, total: int | None) -> None:
        pass

    def advance(self, name: None, steps: int) -> None:
        pass

    def remove_task(self, name: None) -> None:
        pass


@pytest.mark.parametrize("asked", [True, False], ids=["a command that says", "any function"])
def test_the_time_of_all_cells_is_said_before_one_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool):
    if asked:
        monkeypatch.setitem(COMMANDS, "train", "sweep_cells:foretold")
    log = tmp_path / "log"
    told = Told(log)
    grid = Grid(
        "sweep_cells:foretold", fixed={"log": str(log)}, product={"seconds": [3600.0 * k for k in range(1, 61)]}
    )
    with progress.fed(told):
        assert run(grid, tmp_path / "store").done == 60
    assert log.read_text() == "ran\n" * 60
    first, began = told.lines[0]
    said = first.startswith("attncap: 60 cells: about ") and first.endswith(" days of one core")
    assert (said, began) == (asked, False)
