"""How long a promise takes: the command against its bare imports, and one plan."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe

SHAPE = ["--vocabulary", "50", "--context", "2", "--embedding-dim", "10", "--head-dim", "10", "--heads", "20"]


def seconds(run: Callable[[], Any], repeats: int = 5) -> float:
    """Return the shortest of a few runs."""

    def once() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return min(once() for _ in range(repeats))


def process(*words: str) -> Callable[[], Any]:
    return lambda: subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    from attncap.bounds import evaluate, plan

    imports = seconds(process("-c", "import numpy, sympy, typer"))
    command = seconds(process("-m", "attncap", "bounds", *SHAPE, "--json"))
    shape: dict[str, Any] = {"heads": 20, "head_dim": 10, "embedding_dim": 10, "vocabulary": 50, "context": 2}
    table = Table("bounds", "seconds", "over its imports", title=describe(), title_justify="left")
    rows = {
        "import numpy, sympy, typer (process)": imports,
        "attncap bounds --json (process)": command,
        "evaluate() once loaded": seconds(lambda: evaluate(**shape)),
        "plan() of 10,000 associations": seconds(lambda: plan(associations=10_000, vocabulary=1000, context=8)),
    }
    for name, taken in rows.items():
        table.add_row(name, f"{taken:.3f}", f"{taken / imports:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
