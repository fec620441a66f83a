"""Sweeps on a real Dask cluster, bound to this machine."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from attncap.errors import InputError
from attncap.sweep import Grid, run, status, table
from attncap.sweep.cluster import slurm
from attncap.sweep.store import Store

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.xdist_group("dask")
HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _cells_are_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@contextmanager
def started():
    import dask

    options = {"host": "127.0.0.1", "n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with pytest.MonkeyPatch.context() as patch, dask.config.set({"distributed.scheduler.worker-saturation": 1.0}):
        patch.syspath_prepend(str(HERE))
        with distributed.LocalCluster(memory_limit=None, **options) as cluster:
            yield cluster


@pytest.fixture(scope="module")
def cluster():
    with started() as cluster:
        yield cluster


def rows(out: Path) -> dict[str, str]:
    with Store(out) as store:
        return {row["key"]: row["result"] for row in store.rows()}


def test_dask_gives_the_numbers_of_one_process(tmp_path: Path, cluster):
    grid = Grid("sweep_cells:draw", product={"scale": [1.0, 2.0]}, seeds=20)
    sweep = run(grid, tmp_path / "dask", cluster=cluster.scheduler_address)
    run(grid, tmp_path / "serial")
    assert sweep.done == 40
    assert rows(tmp_path / "dask") == rows(tmp_path / "serial")
    assert cluster.scheduler_address.startswith("tcp://127.0.0.1:")


def test_a_killed_dask_worker_loses_nothing(tmp_path: Path, cluster):
    grid = Grid("sweep_cells:draw", fixed={"log": str(tmp_path), "wait": 0.05}, seeds=60)

    def kill() -> None:
        while not (tmp_path / "log").exists() or len((tmp_path / "log").read_text().splitlines()) < 10:
            time.sleep(0.01)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    sweep = run(grid, tmp_path, cluster=cluster.scheduler_address)
    killer.join()
    assert (sweep.done, sweep.failed) == (60, 0)
    assert table(tmp_path)["seed"].to_list() == list(range(60))


def test_a_cell_that_kills_its_dask_worker_is_recorded(tmp_path: Path, cluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 1)
    grid = Grid("sweep_cells:packed", product={"base": [2, 4, 13, 15, 7, 9]})
    sweep = run(grid, tmp_path, cluster=cluster.scheduler_address)
    assert (sweep.done, sweep.failed) == (4, 2)
    failed = {f.first["base"]: f.error for f in status(tmp_path).failures}
    assert "KilledWorker" in failed[13]
    assert "7 is not for packs" in failed[7]


def attncap(*words: object) -> subprocess.CompletedProcess:
    """Run the driver in a process of its own: a client that lost its scheduler may stop the event loop of others."""
    command = [sys.executable, "-m", "attncap", *map(str, words), "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_a_worker_without_attncap_is_named(tmp_path: Path):
    bare = "import sys; sys.modules['attncap'] = None; from distributed.cli.dask_worker import main; main()"
    quiet = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(n_workers=0, **quiet) as cluster:
        address = cluster.scheduler_address
        worker = subprocess.Popen(
            [sys.executable, "-c", bare, address, "--no-nanny", "--no-dashboard"], stderr=subprocess.DEVNULL
        )
        try:
            driver = attncap("sweep", _spec(tmp_path), "--out", tmp_path / "s", "--cluster", address)
        finally:
            worker.kill()
            worker.wait()
    assert driver.returncode == 1
    assert "attncap: Dask worker tcp://127.0.0.1:" in driver.stderr
    assert "cannot import attncap" in driver.stderr
    assert "Traceback" not in driver.stderr


def _spec(folder: Path) -> Path:
    spec = folder / "spec.toml"
    spec.write_text('command = "interpolation"\n[fixed]\nratio = 0.5\n[product]\nridge = [0.1, 0.2, 0.3]\n')
    return spec


def test_a_lost_scheduler_is_said(tmp_path: Path):
    spec = tmp_path / "spec.toml"
    fixed = f"log = {json.dumps(str(tmp_path))}\nwait = 0.1"
    spec.write_text(f'command = "sweep_cells:draw"\nseeds = 40\n[fixed]\n{fixed}')

    def close(cluster) -> None:
        while not (tmp_path / "log").exists():
            time.sleep(0.01)
        cluster.close()

    with started() as cluster:
        closer = threading.Thread(target=close, args=(cluster,))
        closer.start()
        driver = attncap("sweep", spec, "--out", tmp_path, "--cluster", cluster.scheduler_address)
        closer.join()
    assert driver.returncode == 1
    assert "lost the Dask scheduler" in driver.stderr
    assert run(spec, tmp_path).done == 40


def test_no_scheduler_at_the_address(tmp_path: Path):
    grid = Grid("sweep_cells:draw", seeds=2)
    with pytest.raises(InputError, match=r"^cluster: expected a Dask scheduler that answers .*, got 'nonsense://'"):
        run(grid, tmp_path, cluster="nonsense://")


SBATCH = """#!/bin/sh
# A queue of one machine: the job starts at once. The script is read now, as SLURM does: it is deleted soon.
for last; do :; done
setsid sh -c "$(cat "$last")" >/dev/null 2>&1 &
echo $! >> {jobs}
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
for job; do kill -- -$job; done
"""


def test_slurm_from_a_few_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, script in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        path = tmp_path / name
        path.write_text(script.format(jobs=tmp_path / "jobs"))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    spec = tmp_path / "spec.toml"
    spec.write_text("""
command = "sweep_cells:draw"
seeds = 20
[cluster]
jobs = 2
cores = 1
memory = "500MB"
walltime = "00:05:00"
interface = "lo"
""")
    driver = attncap("sweep", spec, "--out", tmp_path / "out")
    assert driver.returncode == 0, driver.stderr
    assert json.loads(driver.stdout)["done"] == 20
    jobs = (tmp_path / "jobs").read_text().split()
    assert len(jobs) == 2
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{job}").exists() for job in jobs):
        assert time.monotonic() < deadline, "the jobs of the cluster were left running"
        time.sleep(0.05)


def test_an_unknown_cluster_option_is_refused():
    with pytest.raises(InputError, match=r"\[cluster\]: unknown option 'job'; did you mean 'jobs'"), slurm({"job": 3}):
        pass
