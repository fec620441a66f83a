"""The server's side of the worker: one process, one job at a time, made anew when it is gone."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from attncap.explore.folder import UPLOADS, Folder, unusable

# Bytes of one answer, seconds until an interrupted job is killed, seconds that a question may take, and how many wait.
LONGEST, PATIENCE, LIMIT, WAITING = 16 << 20, 10.0, 120.0, 64


class JobError(Exception):
    """A job that did not end well: the line that says why, and its kind: input, unmet, busy, cancelled or failed."""

    def __init__(self, line: str, kind: str) -> None:
        super().__init__(line)
        self.kind = kind


CANCELLED = JobError("cancelled; everything is as it was", "cancelled")


@dataclass
class Run:
    """A long job that a page follows: to memorize, edit or forget."""

    kind: str
    started: float = field(default_factory=time.monotonic)
    state: str = "running"
    progress: dict[str, Any] = field(default_factory=lambda: {"bars": [], "note": ""})
    result: dict[str, Any] | None = None
    error: str | None = None
    ended: float | None = None
    begun: bool = False
    cancelled: bool = False

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return (self.ended or time.monotonic()) - self.started

    def to_dict(self) -> dict[str, Any]:
        """Return what a page is told of it."""
        fields = ("kind", "state", "progress", "result", "error")
        return {name: getattr(self, name) for name in fields} | {"seconds": round(self.seconds, 1)}


class Worker:
    """The worker process, and the run that it is at.

    Args:
        folder: where it stands.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.run: Run | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._alone = asyncio.Lock()
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._ready = self._killed = False

    async def start(self) -> None:
        """Start the process, so that the first job need not wait for it."""
        await self._running()

    def begin(self, job: str, number: str, **arguments: Any) -> Run:
        """Begin a run, which makes or changes a memory.

        Raises:
            JobError: another is running.
        """
        self.check_free()
        self.run = Run(job)
        self._task = asyncio.create_task(self._follow(self.run, number, arguments))
        return self.run

    async def ask(self, job: str, **arguments: Any) -> dict[str, Any]:
        """Do a short job, in its turn.

        Raises:
            JobError: a run keeps the worker busy, too many wait, or it did not end well or in time.
        """
        self.check_free()
        if self._waiting >= WAITING:
            raise JobError(f"{WAITING} requests are waiting; try again", "full")
        self._waiting += 1
        try:
            async with self._alone:
                return await self._do(job, arguments, LIMIT)
        finally:
            self._waiting -= 1

    def check_free(self) -> None:
        """Refuse more work while a run is at it.

        Raises:
            JobError: one is.
        """
        if self.run is not None and self.run.state == "running":
            raise JobError(
                f"busy: {self.run.kind} is running since {self.run.seconds:.0f} s; cancel it or wait until it ends",
                "busy",
            )

    async def cancel(self) -> bool:
        """Interrupt the run, and kill the worker where that does not end it; say whether there was one."""
        run, task = self.run, self._task
        if run is None or run.state != "running" or task is None:
            return False
        run.cancelled = True
        if run.begun:
            await self._stop(task)
        return True

    async def close(self) -> None:
        """End the worker and whatever it does."""
        self._kill()
        if self._process is not None:
            await self._process.wait()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._clean()

    async def _follow(self, run: Run, number: str, arguments: dict[str, Any]) -> None:
        def progress(told: dict[str, Any]) -> None:
            run.progress = told

        try:
            async with self._alone:
                if run.cancelled:
                    raise CANCELLED
                run.begun = True
                result = await self._do(run.kind, {"number": number} | arguments, None, progress)
                if run.cancelled:
                    raise CANCELLED
                self.folder.keep(number)
            run.result, run.state = result, "done"
        except JobError as error:
            run.error, run.state = str(error), "cancelled" if error.kind == "cancelled" else "failed"
        except OSError as error:
            run.error, run.state = unusable(error), "failed"
        finally:
            run.ended = time.monotonic()
            self._clean()

    def _clean(self) -> None:
        # Where the directory itself is gone there is nothing to remove.
        with suppress(OSError):
            self.folder.clean()

    async def _do(
        self,
        job: str,
        arguments: dict[str, Any],
        limit: float | None,
        progress: Callable[[dict[str, Any]], None] = lambda told: None,
    ) -> dict[str, Any]:
        """Hand a job to the worker, and return its result."""
        talk = asyncio.create_task(self._talk(job, arguments, progress))
        try:
            told = await asyncio.wait_for(asyncio.shield(talk), limit)
        except TimeoutError:
            await self._stop(talk)
            raise JobError(f"{job} took more than {limit:.0f} s", "unmet") from None
        if "error" in told:
            raise JobError(told["error"], told["kind"])
        result: dict[str, Any] = told["result"]
        return result

    async def _talk(
        self, job: str, arguments: dict[str, Any], progress: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps({"job": job, "arguments": arguments}).encode() + b"\n")
            await process.stdin.drain()
            while line := await process.stdout.readline():
                told: dict[str, Any] = json.loads(line)
                if "ready" in told:
                    self._ready = True
                elif "progress" in told:
                    progress(told["progress"])
                else:
                    return told
        except (ConnectionError, ValueError):
            self._kill()
        code = await process.wait()
        self._process = None
        self._clean()
        if self._killed:
            return {"error": str(CANCELLED), "kind": CANCELLED.kind}
        why = "killed; by the system if memory ran out" if code == -signal.SIGKILL else f"exit {code}"
        return {"error": f"the worker process ended ({why}); everything is as it was", "kind": "failed"}

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._ready = self._killed = False
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "attncap.explore.worker"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=self.folder.path / UPLOADS,
                # The same attncap, and nothing from where it stands.
                env=os.environ | {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                limit=LONGEST,
                # A terminal's Ctrl-C is the server's, which ends the worker.
                start_new_session=True,
            )
        return self._process

    async def _stop(self, talk: asyncio.Future[Any]) -> None:
        """Interrupt what the worker does; kill it where it does not listen."""
        if not self._ready:
            self._kill()
        elif self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
        done, _ = await asyncio.wait([talk], timeout=PATIENCE)
        if not done:
            self._kill()
            await asyncio.wait([talk])

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._killed = True
            self._process.kill()
