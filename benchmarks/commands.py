"""Processor time and memory of whole commands, from the start of Python to the end, on one thread."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.machine import describe
from benchmarks.page import Rows, show

COMMANDS = (
    "memorize capitals --method theorem --embedding-dim 8 --out capitals",
    "memorize capitals --out small",
    "recall capitals France capital",
    "edit capitals --set France capital Lyon --out edited",
    "memorize random:1000,8,2000 --method theorem --embedding-dim 64 --out theorem",
    "memorize random:1000,8,2000 --method margin --embedding-dim 64 --heads 4 --out margin",
    "plan --associations 1000 --vocabulary 100 --context 3",
    "interpolation --activation tanh --ratio 0.5 --ridge 1e-6:1e3:1000 --snr 1",
    "train random:50,2,2500 --embedding-dim 10 --heads 11 --seeds 5",
)
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NPROC"), "1")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a command; the heading names the machine."""
    return (f"on {describe()}", "processor seconds", "memory at most"), list(rows())


def rows() -> Iterator[list[str]]:
    """Run the commands one after another."""
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            seconds, memory = measured(command, folder)
            yield [f"`attncap {command}`", f"{seconds:.1f}", f"{memory / 2**30:.2f} GiB"]


def measured(command: str, folder: str) -> tuple[float, int]:
    """Run a command and return its processor seconds and the most memory in bytes."""
    words = [sys.executable, "-m", "attncap", *shlex.split(command)]
    child = subprocess.Popen(words, cwd=folder, env=os.environ | ONE_THREAD, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"{command}: ended with {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


if __name__ == "__main__":
    main()
