"""A store on the disk: its size, its table, its damage, and who may read it."""

import os
import sqlite3
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from attncap.errors import InputError, UnmetError
from attncap.sweep import Grid, driver, export, results, run, status, table
from attncap.sweep.worker import platform_of


def test_the_options_are_stored_once(tmp_path: Path):
    long = "x" * 20_000
    run(Grid("collections:Counter", fixed={"text": long}, product={"n": list(range(20))}), tmp_path)
    # Identity and result hold the text; an index would hold it again.
    assert (tmp_path / "results.sqlite").stat().st_size < 2.5 * 20 * len(long)


def test_a_column_has_one_type_whatever_its_cells_gave(tmp_path: Path):
    values = [
        [1, [1, 2.5], None],
        [1, "one", 2.5],
        [True, 3, None],
        [[1, "two"], [], 7],
        [None],
    ]
    for number, given in enumerate(values):
        out = tmp_path / str(number)
        run(Grid("collections:Counter", product={"v": given}), out)
        export(out, out / "t.CSV")
        assert table(out).height == export(out, out / "t.PARQUET") == len(given)
    assert table(tmp_path / "0")["result.v"].to_list() == [[1.0], [1.0, 2.5], None]
    assert table(tmp_path / "1")["result.v"].to_list() == ["1", "one", "2.5"]
    assert results._alike([10**18, 2**63, None]) == [str(10**18), str(2**63), None]


def test_two_results_of_one_name_are_that_cells_failure(tmp_path: Path):
    run(Grid("collections:Counter", fixed={"a.b": 1, "a": {"b": 2}}), tmp_path)
    assert "two results have one name" in status(tmp_path).failures[0].error


@pytest.mark.parametrize("log", [False, True])
def test_a_store_that_one_may_not_write_is_read(tmp_path: Path, log: bool, monkeypatch: pytest.MonkeyPatch):
    run(Grid("collections:Counter", product={"heads": [1, 2]}), tmp_path / "s")
    code = (
        "import os, sys, sqlite3; from attncap import sweep; from attncap.sweep import results; import polars\n"
        "if not os.geteuid(): os.setgid(65534); os.setuid(65534)\n"
        "assert sweep.status(sys.argv[1]).done == sweep.table(sys.argv[1]).height == 2\n"
    )
    folder = tmp_path / "s"
    for path in [folder, *folder.parents]:
        if path.stat().st_uid == os.geteuid() and path not in (Path("/"), Path("/tmp")):
            path.chmod(0o555 if path == folder else 0o755)
    held = sqlite3.connect(folder / "results.sqlite")
    if log:
        held.execute("INSERT INTO runs (started) VALUES (0)")
        held.commit()
    try:
        done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
    finally:
        held.close()
        folder.chmod(0o755)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_no_whole_store_is_said(tmp_path: Path):
    store = tmp_path / "results.sqlite"
    store.write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        status(tmp_path)
    run(Grid("collections:Counter", product={"heads": list(range(40))}), tmp_path)
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE cells SET result = '{\"v' WHERE id = 7")
    connection.close()
    with pytest.raises(InputError, match="expected the whole store"):
        table(tmp_path)
    whole = bytearray(store.read_bytes())
    whole[4096:] = b"\xff" * (len(whole) - 4096)
    store.write_bytes(whole)
    for read in (status, table):
        with pytest.raises(InputError, match="expected the whole store"):
            read(tmp_path)


def test_a_device_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("attncap.sweep.worker.entry_points", lambda group: [])
    with pytest.raises(UnmetError, match="no plugin for a GPU"):
        platform_of("gpu")
    monkeypatch.setattr(
        "attncap.sweep.worker.entry_points", lambda group: [EntryPoint("x", "jax_plugins.xla_cuda12", group)]
    )
    assert platform_of("gpu") == "cuda"
    # What computes without JAX has not used the device that it was to be recorded under.
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    with pytest.raises(UnmetError, match="computes on the CPU alone"):
        run(Grid("collections:Counter", product={"heads": [1]}, device="gpu"), tmp_path)
    assert status(tmp_path).pending == 1


def test_workers_are_no_more_than_cells_and_cores(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("attncap.sweep.driver.cores", lambda: 4)
    assert [driver._sensible(*asked) for asked in ((None, 9), (2, 9), (10**6, 9), (10**6, 3))] == [None, 2, 4, 3]
