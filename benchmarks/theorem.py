"""Theorem mode: 10,000 random associations, a real table from file to file, and the start of the command line."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe


def measured(code: str) -> tuple[float, float, str]:
    """Run Python code in a process of its own; return its seconds, its peak memory in GB and what it printed."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=folder)
        printed = done.stdout.read() if done.stdout else ""
        usage = os.wait4(done.pid, 0)[2]
    unit = 1e9 if sys.platform == "darwin" else 1e6
    return time.perf_counter() - started, usage.ru_maxrss / unit, printed.strip()


LARGE = """
from attncap import construct, tasks
fit = construct.theorem(tasks.random_associations(1000, 8, 10_000, seed=0), embedding_dim=64)
print(f"{fit.shape.heads} heads, exact in", *[d for d, r in fit.recall.items() if r.accuracy == 1])
"""
CAPITALS = """
from attncap.cli import main
main(["memorize", "capitals", "--out", "m", "--json"])
"""
HELP = "from attncap.cli import main; main(['--help'])"


def main() -> None:
    """Print the table."""
    table = Table("what", "seconds", "peak GB", "result", title=f"Theorem mode on {describe()}")
    cases: list[tuple[str, str, Callable[[str], str]]] = [
        ("T=10,000, N=1000, S=8, d=64", LARGE, str),
        (
            "capitals, table to weight file",
            CAPITALS,
            lambda printed: "exact" if '"correct": 250' in printed else "failed",
        ),
        ("attncap --help", HELP, lambda printed: printed.splitlines()[0]),
    ]
    for what, code, result in cases:
        seconds, memory, printed = measured(code)
        table.add_row(what, f"{seconds:.2f}", f"{memory:.2f}", result(printed))
    Console().print(table)


if __name__ == "__main__":
    main()
