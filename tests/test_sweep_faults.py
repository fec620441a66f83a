"""What must hold when a sweep is killed, interrupted, doubled, or out of disk."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from attncap.errors import UnmetError
from attncap.sweep import Grid, run, status
from attncap.sweep.store import Store

HERE = Path(__file__).parent
SCALES = [1.0, 2.0, 3.0, 4.0]
SPEC = """
command = "sweep_cells:draw"
seeds = {seeds}
[fixed]
log = {log}
wait = {wait}
[product]
scale = {scales}
"""


@pytest.fixture(autouse=True)
def _cells_are_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def write_spec(directory: Path, *, seeds: int = 50, wait: float = 0.01) -> Path:
    directory.mkdir(exist_ok=True)
    spec = directory / "spec.toml"
    spec.write_text(SPEC.format(seeds=seeds, wait=wait, log=json.dumps(str(directory)), scales=SCALES))
    return spec


def start(spec: Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "attncap", "sweep", str(spec), "--out", str(spec.parent), "--json", *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE, start_new_session=True
    )


def finish(spec: Path, *options: str) -> dict:
    process = start(spec, *options)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return json.loads(out)


def recorded(directory: Path) -> dict[tuple[float, int], str]:
    """The results by (scale, seed), after a check of the file."""
    if not (directory / "results.sqlite").exists():
        return {}
    connection = sqlite3.connect(directory / "results.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    tables = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'cells'").fetchone()[0]
    rows = connection.execute("SELECT identity, result FROM cells WHERE status = 'done'").fetchall() if tables else []
    connection.close()
    cells = [(json.loads(identity)["options"], result) for identity, result in rows]
    return {(cell["scale"], cell["seed"]): result for cell, result in cells}


def ran(directory: Path) -> list[tuple[float, int, int]]:
    """(scale, seed, process) of every run that came to its end, in order."""
    log = directory / "log"
    words = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    return [(float(scale), int(seed), int(pid)) for scale, seed, pid in words]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[float, int], str]:
    sys.path.insert(0, str(HERE))
    out = tmp_path_factory.mktemp("uninterrupted")
    run(Grid("sweep_cells:draw", product={"scale": SCALES}, seeds=50), out)
    sys.path.remove(str(HERE))
    return recorded(out)


@pytest.mark.parametrize(("kills", "options"), [(20, ()), (6, ("--workers", "2"))], ids=["serial", "workers"])
def test_a_driver_killed_at_random_moments_loses_nothing(tmp_path: Path, uninterrupted, kills: int, options):
    spec, moments = write_spec(tmp_path), random.Random(kills)
    known: dict[tuple[float, int], str] = {}
    before = 0
    for _ in range(kills):
        process = start(spec, *options)
        if moments.random() < 0.75:
            # Once it is at work; otherwise while it starts, plans, or has hardly begun.
            wait_until(lambda b=before, p=process: len(ran(tmp_path)) > b or p.poll() is not None)
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        process.communicate()
        wait_until(lambda: not any(alive(pid) for *_, pid in ran(tmp_path)))
        runs, now = ran(tmp_path), recorded(tmp_path)
        assert not {(scale, seed) for scale, seed, _ in runs[before:]} & known.keys()
        assert known.items() <= now.items()
        known, before = now, len(runs)
    assert 0 < len(known) < 200, "the kills came too early or too late to test anything"
    done = finish(spec, *options)
    assert (done["cells"], done["done"], done["failed"], done["resumed"]) == (200, 200, 0, len(known))
    assert recorded(tmp_path) == uninterrupted
    twice = Counter(run[:2] for run in ran(tmp_path))
    assert not {cell for cell, times in twice.items() if times > 1 + kills}
    assert finish(spec)["resumed"] == 200


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["serial", "workers"])
def test_interrupt_stops_cleanly(tmp_path: Path, options):
    spec = write_spec(tmp_path, seeds=25, wait=0.05)
    process = start(spec, *options)
    wait_until(lambda: len(ran(tmp_path)) >= 5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err
    stopped = json.loads(out)
    assert stopped["done"] == len(recorded(tmp_path)) >= 3
    assert f"stopped with {stopped['pending']} cells to run" in err
    assert not any(alive(pid) for *_, pid in ran(tmp_path))
    assert finish(write_spec(tmp_path, seeds=25, wait=0.05), "--workers", "2")["resumed"] == stopped["done"]


def test_a_second_driver_is_refused(tmp_path: Path):
    spec = write_spec(tmp_path, seeds=25, wait=0.03)
    drivers = [start(spec) for _ in range(3)]
    wait_until(lambda: bool(ran(tmp_path)))
    assert status(tmp_path).running
    with pytest.raises(UnmetError, match="another driver is running this sweep"):
        run(spec, tmp_path)
    outputs = [driver.communicate(timeout=60) for driver in drivers]
    assert sorted(driver.returncode for driver in drivers) == [0, 1, 1]
    assert sum("another driver is running this sweep" in err for _, err in outputs) == 2
    assert len(recorded(tmp_path)) == len(ran(tmp_path)) == 100
    assert not status(tmp_path).running


def fill(out: Path) -> Path:
    """A sweep of about 2 MB."""
    spec = out.parent / "fill.toml"
    fixed = f'text = "{"x" * 10_000}"'
    spec.write_text(f'command = "collections:Counter"\n[fixed]\n{fixed}\n[product]\nnumber = {list(range(100))}')
    return spec


def recover(out: Path, spec: Path, error: str) -> int:
    """After a full disk: what was said, that the file is valid, and that the sweep continues."""
    assert "what is recorded is safe: free space and run the same again" in error
    connection = sqlite3.connect(out / "results.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    before = status(out)
    sweep = run(spec, out)
    assert (sweep.done, sweep.resumed) == (100, before.done)
    return before.done


@pytest.mark.parametrize("pages", [60, 350, 450, 500])
def test_a_full_database_is_said_and_stays_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pages: int):
    prepare = Store._prepare

    def small(store: Store, **options: bool) -> None:
        prepare(store, **options)
        store.connection.execute(f"PRAGMA max_page_count = {pages}")

    spec, out = fill(tmp_path), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("attncap.sweep.driver.AT_STAKE", 0.0)
        patch.setattr(Store, "_prepare", small)
        with pytest.raises(UnmetError, match="database or disk is full") as caught:
            run(spec, out)
    assert (recover(out, spec, str(caught.value)) > 0) == (pages > 60)


@pytest.mark.parametrize("size", [64, 1500, 3000])
def test_a_file_that_cannot_grow_is_said_and_stays_valid(tmp_path: Path, size: int):
    spec, out = fill(tmp_path), tmp_path / "out"
    code = f"""
import resource
from attncap.cli import main
from attncap.sweep import driver
driver.AT_STAKE = 0.0
resource.setrlimit(resource.RLIMIT_FSIZE, ({size} * 1024, {size} * 1024))
main(["sweep", {str(spec)!r}, "--out", {str(out)!r}])
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert process.returncode == 1, process.stderr
    assert len(process.stderr.strip().splitlines()) == 1
    assert (recover(out, spec, process.stderr) > 0) == (size > 64)


def test_a_full_disk_is_said_and_the_store_stays_valid(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        spec, out = fill(disk), disk / "out"
        with pytest.raises(UnmetError, match=r"disk is full|disk I/O error") as caught:
            run(spec, out)
        subprocess.run(["mount", "-o", "remount,size=30m", disk], check=True)
        recover(out, spec, str(caught.value))
    finally:
        subprocess.run(["umount", disk], check=True)
