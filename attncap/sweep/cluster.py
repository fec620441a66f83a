"""Where jobs run on many machines: Dask workers, those of a cluster at an address or of SLURM."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attncap.errors import InputError, UnmetError, nearest
from attncap.sweep.executors import Jobs
from attncap.sweep.worker import Job, Outcome, run_job

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
        UnmetError: the scheduler is gone, or a worker runs another version of the code.
    """
    from distributed import as_completed
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    queue = Jobs(jobs)
    running: dict[Any, Job] = {}
    done = as_completed()

    def hand_out() -> None:
        room = AHEAD * max(1, sum(client.ncores().values()))
        while len(running) < room and (job := queue.take()):
            future = client.submit(run_job, job, pure=False)
            running[future] = job
            done.add(future)

    try:
        hand_out()
        while running:
            finished: list[Outcome] = []
            for future in done.next_batch():
                job = running.pop(future)
                try:
                    finished += future.result()
                except KilledWorker as error:
                    finished += queue.give_up(job, f"KilledWorker: {error}")
            hand_out()
            yield finished
    except (FutureCancelledError, OSError) as error:
        raise UnmetError(f"lost the Dask scheduler ({error}); what is recorded is safe: run the same again") from None
    finally:
        client.cancel(list(running), force=True)


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
        raise InputError(f"--cluster {address}: no Dask scheduler answers there ({error})") from None
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
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise InputError("a [cluster] needs the extra: pip install 'attncap[cluster]'") from None
    rest: dict[str, Any] = {"cores": 1, "memory": "4GB", "processes": 1, **options}
    jobs = rest.pop("jobs", 1)
    # No dashboard: the sweep shows its own progress, and the page would listen on every interface.
    with SLURMCluster(**rest, scheduler_options={"dashboard": False}) as cluster:
        cluster.scale(jobs=jobs)
        yield cluster
