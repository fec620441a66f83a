"""One evaluation, a curve of 1,000 ridges and a grid of ratios, beside one simulation of the same point."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from attncap.interpolation import Interpolation, error
from benchmarks.machine import describe


def best(work: Callable[[], object], repeats: int) -> float:
    """Return the shortest of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def predict(**setting: Any) -> Interpolation:
    """Predict at c = .5, rho = 1, aligned weights, unless told otherwise."""
    return error("tanh", **{"ratio": 0.5, "snr": 1.0, "alignment": 1.0, "ridge": 1e-2, **setting})


def main() -> None:
    ridges, ratios = np.geomspace(1e-6, 1e3, 1000), np.geomspace(0.1, 10, 100)
    cases = (
        ("one evaluation, ridge 1e-2", "15 ms", 20, lambda: predict()),
        ("one evaluation, ridge 1e-6", "", 20, lambda: predict(ridge=1e-6)),
        ("curve of 1,000 ridges, 1e-6 to 1e3", "3 s", 3, lambda: predict(ridge=ridges)),
        ("100 ratios, ridge 1e-2", "", 3, lambda: predict(ratio=ratios)),
        ("4 random heads, ridge 1e-2", "", 3, lambda: predict(heads=4, random_scores=True)),
        ("one draw of the simulation, n = 2,000", "", 3, lambda: predict().simulate(tokens=2000, seeds=1)),
    )
    with threadpool_limits(1):
        rows = {name: (best(work, repeats), bar) for name, bar, repeats, work in cases}
    one = rows["one evaluation, ridge 1e-2"][0]
    table = Table("on one thread", "seconds", "bar", "against one evaluation", title=f"interpolation, {describe()}")
    for name, (seconds, bar) in rows.items():
        table.add_row(name, f"{seconds:.4f}", bar, f"{seconds / one:.1f} x")
    Console().print(table)


if __name__ == "__main__":
    main()
