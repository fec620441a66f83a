"""Where jobs run on many machines: Dask workers, those of a cluster at an address or of SLURM."""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

from attncap.errors import InputError, UnmetError, nearest
from attncap.sweep.executors import Jobs
from attncap.sweep.worker import Job, Outcome

if TYPE_CHECKING:
    from dask_jobqueue import SLURMCluster
    from distributed import Client

AHEAD = 2
OPTIONS = (
    "jobs",
    "queue",
    "account",
    "cores",
    "processes",
    "memory",
    "walltime",
    "interface",
    "python",
    "local_directory",
    "log_directory",
    "worker_extra_args",
    "job_extra_directives",
    "job_script_prologue",
)


def dask(jobs: Iterable[Job], client: "Client") -> Generator[list[Outcome], None, None]:
    """Run the jobs on Dask workers, with a few handed out ahead so that none waits for the driver.

    The scheduler runs the jobs of a worker that dies on another; a job that kills every worker it is
    given to is reported. Only ``AHEAD`` jobs a thread are with the scheduler, however long the sweep.

    Raises:
        UnmetError: the scheduler is gone, or a worker has no attncap or another version of the code.
    """
    from distributed import as_completed
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    queue = Jobs(jobs)
    running: dict[Any, Job] = {}
    done = as_completed()

    @lru_cache(maxsize=1)
    def threads(second: int) -> int:
        return sum(client.ncores().values())

    def hand_out() -> None:
        # Workers come and go, but asking at every job would double its cost.
        room = max(0, AHEAD * max(1, threads(int(time.monotonic()))) - len(running))
        for future, job in submit(list(islice(iter(queue.take, None), room))):
            running[future] = job
            done.add(future)

    def submit(jobs: list[Job]) -> Iterable[tuple[Any, Job]]:
        # A worker that lacks the module of what it is sent leaves the cluster, and its jobs wait for ever: a lambda and
        # plain values travel whole.
        fields = [asdict(job) for job in jobs]
        run = client.map(lambda one: import_module("attncap.sweep.worker").run_fields(one), fields, pure=False)
        return zip(run, jobs, strict=True)

    try:
        hand_out()
        while running:
            finished: list[Outcome] = []
            for future in done.next_batch():
                job = running.pop(future)
                try:
                    finished += queue.collect(job, future.result())
                except KilledWorker as error:
                    finished += queue.give_up(job, f"KilledWorker: {error}")
            hand_out()
            yield finished
    except ImportError as error:
        where = _lacking(client)
        raise UnmetError(f"Dask worker {where}: cannot import attncap ({error}); install it there as here") from None
    except (FutureCancelledError, OSError) as error:
        raise UnmetError(f"lost the Dask scheduler ({error}); what is recorded is safe: run the same again") from None
    finally:
        client.cancel(list(running), force=True)


def _lacking(client: "Client") -> str:
    """Name the workers that have no attncap."""
    found = client.run(find_spec, "attncap", on_error="return")
    return ", ".join(sorted(at for at, spec in found.items() if not isinstance(spec, ModuleSpec)))


@contextmanager
def connected(address: str) -> "Iterator[Client]":
    """Connect to the scheduler at an address such as ``tcp://10.0.0.1:8786``.

    Raises:
        InputError: the extra is not installed, or nothing answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError("a cluster needs the extra [cluster]: pip install 'attncap[cluster]'") from None
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError("cluster", f"a Dask scheduler that answers ({error})", address) from None
    with client:
        yield client


@contextmanager
def slurm(options: Mapping[str, Any]) -> "Iterator[SLURMCluster]":
    """Start Dask workers as SLURM jobs, and end them with the block.

    Args:
        options: ``jobs`` (how many to queue) and those of ``dask_jobqueue.SLURMCluster`` in `OPTIONS`.

    Raises:
        InputError: an unknown option, or the extra is not installed.
    """
    for name in options:
        if name not in OPTIONS:
            raise InputError(
                f"[cluster]: unknown option {name!r}{nearest(name, OPTIONS)} (known: {', '.join(OPTIONS)})"
            )
    try:
        import dask
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise InputError("a [cluster] needs the extra: pip install 'attncap[cluster]'") from None
    rest: dict[str, Any] = {"cores": 1, "memory": "4GB", "processes": 1, **options}
    jobs = rest.pop("jobs", 1)
    # No dashboards: the sweep shows its own progress, and the pages would listen on every interface.
    local = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    quiet = {"scheduler_options": local, "worker_extra_args": ["--no-dashboard"]}
    # Jobs wait with the scheduler, not with a worker, or those that wait would be blamed for a death.
    blame = dask.config.set({"distributed.scheduler.worker-saturation": 1.0})
    with blame, SLURMCluster(**{**quiet, **rest}) as cluster:
        cluster.scale(jobs=jobs)
        yield cluster
