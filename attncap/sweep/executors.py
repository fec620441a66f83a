"""Where jobs run on one machine: in this process, or in K worker processes."""

import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection

from attncap.errors import UnmetError
from attncap.sweep.numbers import VARIABLES, environment
from attncap.sweep.worker import Job, Outcome, lost, platform_of, run_job

DIED = "the worker process died while it ran this cell (killed; by the system if memory ran out)"


class Jobs:
    """The jobs still to hand out, and the cells that came back without an outcome."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._fresh = iter(jobs)
        self._returned: deque[Job] = deque()

    def take(self) -> Job | None:
        """Return the next job, or None if there is none left."""
        return self._returned.popleft() if self._returned else next(self._fresh, None)

    def collect(self, job: Job, outcomes: list[Outcome]) -> list[Outcome]:
        """Take back the cells that a worker left for others, and pass on the outcomes of the rest."""
        self._returned.extend(job.alone()[len(outcomes) :])
        return outcomes

    def give_up(self, job: Job, reason: str) -> list[Outcome]:
        """Take back a job that killed its worker: run its cells alone, or, if it is one cell, report it."""
        if len(job.cells) == 1:
            return lost(job, reason)
        self._returned.extend(job.alone())
        return []


def serial(jobs: Iterable[Job]) -> Generator[list[Outcome], None, None]:
    """Run the jobs one after another in this process."""
    queue = Jobs(jobs)
    while job := queue.take():
        yield queue.collect(job, run_job(job))


def processes(jobs: Iterable[Job], workers: int, device: str, threads: int) -> Generator[list[Outcome], None, None]:
    """Run the jobs in worker processes, each pinned to its share of the cores.

    A worker that is killed takes only its own job with it and is replaced. When the iterator is closed
    early (Ctrl-C), or this process dies however, the workers end at once.

    Args:
        jobs: the jobs.
        workers: number of processes.
        device: what their cells compute on.
        threads: of the numerical libraries in each.

    Raises:
        UnmetError: a worker process cannot start.
    """
    queue = Jobs(jobs)
    workforce: list[_Worker] = []
    busy: dict[Future, tuple[_Worker, Job]] = {}
    try:
        workforce += (_Worker(share, device, threads) for share in _shares(workers))
        for worker in workforce:
            worker.wait_ready()
        idle = list(workforce)
        finished: list[Outcome] = []
        while True:
            while idle and (job := queue.take()):
                worker = idle.pop()
                busy[worker.submit(job)] = worker, job
            if finished:
                yield finished
            if not busy:
                return
            finished = []
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                worker, job = busy.pop(future)
                try:
                    finished += queue.collect(job, future.result())
                except BrokenProcessPool:
                    worker.stop()
                    worker.start()
                    worker.wait_ready()
                    finished += queue.give_up(job, DIED)
                idle.append(worker)
    finally:
        for worker in workforce:
            worker.stop()


class _Worker:
    """One process: a pool of one, so that a broken pool names the job that broke it."""

    def __init__(self, cores: tuple[int, ...], device: str, threads: int) -> None:
        self._cores = cores
        self._variables = {"JAX_PLATFORMS": platform_of(device), **dict.fromkeys(VARIABLES, str(threads))}
        self.start()

    def start(self) -> None:
        context = get_context("spawn")
        # The worker waits for this pipe to close, which it does when this process ends, however.
        held, self._lifeline = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(1, context, _start, (held, self._cores))
        with environment(self._variables):
            self._ready = self._pool.submit(os.getpid)

    def wait_ready(self) -> None:
        try:
            self._ready.result()
        except BrokenProcessPool:
            guard = 'a script that calls run needs if __name__ == "__main__":'
            raise UnmetError(f"a worker process cannot start ({guard})") from None

    def submit(self, job: Job) -> Future:
        return self._pool.submit(run_job, job)

    def stop(self) -> None:
        self._lifeline.close()
        self._pool.shutdown(cancel_futures=True)


def _start(held: Connection, cores: tuple[int, ...]) -> None:
    # Ctrl-C reaches every process of the terminal; the driver is the one that answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if cores:
        os.sched_setaffinity(0, cores)
    threading.Thread(target=_end_with, args=(held,), daemon=True).start()


def _end_with(held: Connection) -> None:
    held.poll(None)
    os._exit(1)


def _shares(workers: int) -> list[tuple[int, ...]]:
    """Divide the cores among the workers (none to pin to where there are fewer cores than workers).

    Example:
        >>> len(_shares(3))
        3
    """
    if not hasattr(os, "sched_setaffinity"):
        return [()] * workers
    cores = sorted(os.sched_getaffinity(0))
    return [tuple(cores[n::workers]) if workers <= len(cores) else () for n in range(workers)]
