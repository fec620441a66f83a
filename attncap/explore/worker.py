"""The worker process: it reads jobs as JSON, a line each, and says how they go; Ctrl-C's signal ends a job, not it."""

import json
import os
import queue
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from attncap.errors import InputError, UnmetError
from attncap.progress import fed

# Seconds between two words about progress.
SELDOM = 0.1
# How the system orders whom it kills where memory runs out: this process, not what else runs.
FIRST = "1000"
# Bytes that V8 reserves for code as it first draws a figure, and hardly fills (584 MB measured); else it aborts.
DRAWING = 600_000_000


class Told:
    """Bars and notes, told to the server now and then."""

    def __init__(self, out: IO[str]) -> None:
        self.console = self
        self._out, self._bars, self._names = out, dict[int, list[Any]](), 0
        self._note, self._next = "", 0.0

    def add_task(self, description: str, *, total: int | None) -> int:
        """Open a bar."""
        self._names += 1
        self._bars[self._names] = [description, 0, total]
        self._tell(now=True)
        return self._names

    def advance(self, name: int, steps: int) -> None:
        """Advance it."""
        self._bars[name][1] += steps
        self._tell()

    def remove_task(self, name: int) -> None:
        """Close it."""
        del self._bars[name]
        self._tell()

    def print(self, text: str, **look: Any) -> None:
        """Say a line."""
        self._note = text
        self._tell(now=True)

    def _tell(self, *, now: bool = False) -> None:
        if now or time.monotonic() >= self._next:
            self._next = time.monotonic() + SELDOM
            bars = [dict(zip(("description", "done", "total"), bar, strict=True)) for bar in self._bars.values()]
            say(self._out, {"progress": {"bars": bars, "note": self._note}})


def say(out: IO[str], told: dict[str, Any]) -> None:
    """Write one line of JSON."""
    out.write(json.dumps(told, allow_nan=False) + "\n")
    out.flush()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT interrupt this block only."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def outcome(job: str, arguments: dict[str, Any], out: IO[str]) -> dict[str, Any]:
    """Do one job, and say what came of it: its result, or one line and whose fault it is."""
    try:
        with interruptible(), fed(Told(out)):
            from attncap.explore.jobs import JOBS
            from attncap.result import plain

            return {"result": plain(JOBS[job](**arguments))}
    except KeyboardInterrupt:
        return {"error": "cancelled; everything is as it was", "kind": "cancelled"}
    except InputError as error:
        return {"error": _line(error), "kind": "input"}
    except UnmetError as error:
        return {"error": _line(error), "kind": "unmet"}
    except MemoryError as error:
        return {"error": f"not enough memory ({error}); choose smaller numbers", "kind": "unmet"}
    except Exception as error:
        return {"error": f"internal error: {type(error).__name__}: {_line(error)}", "kind": "failed"}


def _line(error: Exception) -> str:
    """Return a message as one line that names memories as the page does."""
    return " ".join(str(error).replace("../memories/", "memory ").split())


def _limit_memory() -> None:
    """Let an array that cannot be had be an error of this process, and no swapping machine."""
    from attncap.numerics.memory import available

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    # A fifth is left to what is no data: page tables, libraries, the server.
    limit = used + available() * 4 // 5 + (0 if "vl_convert" in sys.modules else DRAWING)
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def main() -> None:
    """Do job after job until the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST)
    # What libraries print is no answer.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    say(out, {"ready": True})
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    # While nobody waits.
    import attncap.explore.jobs  # noqa: F401

    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    while True:
        asked = json.loads(lines.get())
        with suppress(OSError, ValueError):
            _limit_memory()
        say(out, outcome(asked["job"], asked["arguments"], out))


def _read(lines: "queue.SimpleQueue[str]") -> None:
    """Pass lines on; where the server is gone, however it went, end with it."""
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    # Where nobody is there to be told, there is nothing to do.
    with suppress(BrokenPipeError):
        main()
    os._exit(0)
