"""What a sweep costs beyond its cells: milliseconds a no-op cell, and what a second worker gains.

``python -m benchmarks.sweep 100000`` measures the run of docs/sweep.md.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from attncap.sweep import Grid, export, run, status, table
from benchmarks.machine import describe


def nothing(*, number: int) -> dict[str, int]:
    """A cell that does nothing."""
    return {"number": number}


def busy(*, seed: int, rounds: int = 8_000_000) -> dict[str, float]:
    """A cell of about half a second of one core, counted in work done and not on the clock."""
    started = time.process_time()
    total = seed
    for number in range(rounds):
        total = (total * 31 + number) % 1_000_003
    return {"total": total, "cpu_seconds": time.process_time() - started}


def sweep(grid: Grid, workers: int | None, cluster: str | None = None) -> tuple[float, str]:
    """Run a grid into a new store; return the seconds, the start of the workers included, and the directory."""
    out = tempfile.mkdtemp(prefix="attncap-bench-")
    started = time.perf_counter()
    done = run(grid, out, workers=workers, cluster=cluster)
    assert done.done == len(grid)
    return time.perf_counter() - started, out


def overhead(cells: int) -> None:
    """Time no-op cells on each executor."""
    grid = Grid("benchmarks.sweep:nothing", product={"number": list(range(cells))})
    shown = Table("executor", "cells", "seconds", "ms a cell", "store MB", title=f"No-op cells, {describe()}")
    for name, workers in (("in process", None), ("1 worker", 1), ("2 workers", 2), ("Dask, 2 workers", None)):
        if name.startswith("Dask"):
            seconds, out = on_dask(grid)
        else:
            seconds, out = sweep(grid, workers)
        size = sum(path.stat().st_size for path in Path(out).iterdir()) / 1e6
        shown.add_row(name, f"{cells:,}", f"{seconds:.2f}", f"{1000 * seconds / cells:.3f}", f"{size:.1f}")
    Console(width=120).print(shown)
    started = time.perf_counter()
    again = run(grid, out)
    resumed = time.perf_counter() - started
    assert again.resumed == cells
    started = time.perf_counter()
    status(out)
    looked = time.perf_counter() - started
    started = time.perf_counter()
    export(out, Path(out) / "table.parquet")
    exported = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    Console(width=120).print(
        f"continue with nothing to run {resumed:.2f} s, status {looked:.3f} s, export {exported:.2f} s, "
        f"peak memory of the driver {peak:.0f} MB"
    )


def on_dask(grid: Grid) -> tuple[float, str]:
    from distributed import LocalCluster

    options = {"host": "127.0.0.1", "n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**options) as cluster:
        return sweep(grid, None, cluster.scheduler_address)


def speedup(cells: int = 12, repeats: int = 5) -> None:
    """Time CPU-bound cells on one worker and on two, side by side; the best of each counts."""
    grid = Grid("benchmarks.sweep:busy", seeds=cells)
    best: dict[int, tuple[float, str]] = {}
    for _ in range(repeats):
        for workers in (1, 2):
            timed = sweep(grid, workers)
            best[workers] = min(best.get(workers, timed), timed)
    load = os.getloadavg()[0]
    title = f"{cells} CPU-bound cells, {describe()}, load {load:.1f}"
    shown = Table("workers", "seconds", "CPU s a cell", "ratio", title=title)
    for workers, (seconds, out) in best.items():
        used = sum(table(out)["result.cpu_seconds"].to_list()) / cells
        shown.add_row(str(workers), f"{seconds:.2f}", f"{used:.2f}", f"{best[1][0] / seconds:.2f}")
    Console(width=120).print(shown)


def main() -> None:
    # The workers import this module by name.
    sys.path.insert(0, os.getcwd())
    os.environ["PYTHONPATH"] = os.getcwd()
    overhead(int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdigit() else 1000)
    speedup()


if __name__ == "__main__":
    main()
