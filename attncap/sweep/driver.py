"""The driver of a sweep: plan, run what is pending, record."""

import json
import math
import random
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from pathlib import Path

from attncap.commands.options import FILES
from attncap.constraints import Count, checked
from attncap.errors import InputError
from attncap.numerics.budget import Budget, duration, foretell
from attncap.numerics.memory import cores
from attncap.progress import Advance, bar, estimate, note, watched
from attncap.result import Result, several
from attncap.sweep.cells import Plan
from attncap.sweep.commands import COMMANDS, FORETOLD
from attncap.sweep.executors import processes, serial
from attncap.sweep.grid import Grid, load
from attncap.sweep.store import Store
from attncap.sweep.worker import Job, Outcome

AT_STAKE = 0.1
# Cells that are asked how long they will take, and the seconds in which they are.
ASKED, ASKING = 24, 2.0
Executor = Callable[[Iterable[Job]], Generator[list[Outcome], None, None]]


@dataclass(frozen=True)
class Sweep(Result):
    """How a sweep ended.

    Args:
        cells: cells of the grid.
        done: those with a result.
        failed: those with an error.
        resumed: those that an earlier run had recorded.
        reused: those of them that other code gave.
        other_code: those that only other code had recorded, and that were not reused.
        seconds: time of this run.
        store: the store's file.
    """

    cells: int
    done: int
    failed: int
    resumed: int
    reused: int
    other_code: int
    seconds: float
    store: str


@checked
def run(
    grid: Grid | str | Path,
    out: str | Path,
    *,
    workers: Count | None = None,
    cluster: str | None = None,
    retry_failed: bool = False,
    reuse: bool = False,
) -> Sweep:
    """Run every cell of a grid that the store does not hold yet.

    Args:
        grid: a grid, or the path of its TOML.
        out: the directory of the store; the same one continues where it stopped.
        workers: local worker processes; without them (and without a cluster) cells run in this process.
        cluster: address of a Dask scheduler.
        retry_failed: run the failed cells again.
        reuse: take results that other code gave for the same cells, rather than compute them again.

    Returns:
        The counts. The numbers are in the store: see `attncap.sweep.table`.

    Raises:
        InputError: the grid is not one of its command, or the store is none.
        UnmetError: another driver runs this sweep, the disk is full, or the cluster is lost.

    Example:
        >>> import tempfile
        >>> out = tempfile.mkdtemp()
        >>> sweep = run(Grid("collections:Counter", product={"heads": [1, 2], "d": [3, 4, 5]}), out)
        >>> sweep.cells, sweep.done, sweep.resumed
        (6, 6, 0)
        >>> run(Grid("collections:Counter", product={"heads": [1, 2, 3], "d": [3, 4, 5]}), out).resumed
        6
    """
    grid = grid if isinstance(grid, Grid) else load(grid)
    if workers is not None and cluster is not None:
        raise InputError("workers", "no cluster beside it; choose one", workers)
    if workers is not None and workers < 1:
        raise InputError("workers", "at least 1", workers)
    plan = Plan.of(grid)
    started = time.perf_counter()
    with ExitStack() as stack:
        store = stack.enter_context(Store(out, create=True))
        stack.enter_context(store.driving())
        before = store.plan(plan.cells(), retry_failed=retry_failed, reuse=reuse)
        reused, other_code = store.of_other_code(plan.code)
        if other_code:
            note(f"results of other code for {several(other_code, 'cell')}, computed again unless reuse is given")
        if before.pending:
            _foretell(plan, store, before.pending)
            pace = _Pace(plan)
            execute = _executor(grid, _sensible(workers, before.pending), cluster, stack)
            outcomes = stack.enter_context(closing(execute(_jobs(plan, store, pace))))
            store.start()
            with bar("sweep", total=before.pending) as advance:
                _record(outcomes, store, pace, advance)
        counts = store.counts()
    return Sweep(
        cells=counts.pending + counts.done + counts.failed,
        done=counts.done,
        failed=counts.failed,
        resumed=before.done + before.failed,
        reused=reused,
        other_code=other_code,
        seconds=time.perf_counter() - started,
        store=str(store.path),
    )


def _sensible(workers: int | None, cells: int) -> int | None:
    """Start no more worker processes than there are cells to run or cores to run them on."""
    most = min(cells, cores())
    if workers is not None and workers > most:
        note(
            f"{several(most, 'worker')} of the {workers:,} asked: {several(cells, 'cell')}, {several(cores(), 'core')}"
        )
    return None if workers is None else min(workers, most)


def _foretell(plan: Plan, store: Store, pending: int) -> None:
    """Say how long the pending cells will take, from what some of them say before they begin."""
    # What a GPU takes nothing says.
    if not watched() or plan.grid.device != "cpu" or plan.reference not in map(COMMANDS.get, FORETOLD):
        return
    some = [json.loads(row[1])["options"] for row in islice(store.pending(), 0, None, math.ceil(pending / ASKED))]
    random.Random(0).shuffle(some)
    asking, said = Budget(ASKING), [0.0]
    for options in some:
        # What fails takes no time; the cell will say why.
        with suppress(Exception):
            said.append(foretell(partial(plan.command.function, **options)))
        if asking.spent:
            break
    total = pending * sum(said) / max(1, len(said) - 1)
    estimate(total, f"{several(pending, 'cell')}: about {duration(total)} of one core")


class _Pace:
    """How many cells make a job: a pack, or as many quick ones as fill a fifth of `AT_STAKE`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._slowest = math.inf

    @property
    def cells(self) -> int:
        return self._plan.pack_size if self._plan.pack_size > 1 else max(1, min(50, int(AT_STAKE / 5 / self._slowest)))

    def learn(self, outcomes: list[Outcome]) -> None:
        self._slowest = max((outcome.seconds or math.inf for outcome in outcomes), default=self._slowest)


def _jobs(plan: Plan, store: Store, pace: _Pace) -> Iterator[Job]:
    """Read the pending cells and put those of one pack together."""
    files = str(store.path.parent.resolve() / FILES) if plan.grid.files else None
    common = (plan.reference, plan.code, plan.grid.device, plan.precision, plan.grid.threads, plan.pack_size, files)
    for _, rows in groupby(store.pending(), key=lambda row: row[2]):
        while some := tuple(islice(rows, pace.cells)):
            cells = tuple((key, json.loads(identity)["options"]) for key, identity, _ in some)
            yield Job(*common, cells)


def _record(outcomes: Iterable[list[Outcome]], store: Store, pace: _Pace, advance: Advance) -> None:
    """Write outcomes as they come, quick ones together: at most about `AT_STAKE` of a worker's time is unwritten."""
    held: list[Outcome] = []
    written = time.perf_counter()
    try:
        for batch in outcomes:
            held += batch
            pace.learn(batch)
            slow = any(outcome.seconds is None or outcome.seconds > AT_STAKE for outcome in batch)
            if slow or time.perf_counter() - written > AT_STAKE:
                store.record(held)
                advance(len(held))
                held, written = [], time.perf_counter()
    finally:
        store.record(held)


def _executor(grid: Grid, workers: int | None, cluster: str | None, stack: ExitStack) -> Executor:
    if workers is not None:
        return lambda jobs: processes(jobs, workers, grid.device, grid.threads)
    if cluster is None and not grid.cluster:
        return serial
    from attncap.sweep.cluster import connected, dask, slurm

    address = cluster or stack.enter_context(slurm(grid.cluster)).scheduler_address
    client = stack.enter_context(connected(address))
    return lambda jobs: dask(jobs, client)
