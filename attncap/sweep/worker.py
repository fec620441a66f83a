"""What a worker does with a job, in this process or in another: run its cells and report each one."""

import dataclasses
import json
import platform
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any, cast

import numpy as np

from attncap.commands.command import Command
from attncap.commands.options import FILES
from attncap.errors import UnmetError
from attncap.files import replacing
from attncap.numerics.memory import cores
from attncap.result import Result, flatten, not_finite, plain
from attncap.sweep.code import code
from attncap.sweep.commands import defaults, resolve
from attncap.sweep.numbers import precision, threads

SECONDS = 0.1


@dataclasses.dataclass(frozen=True)
class Job:
    """Cells to run together.

    Args:
        command: reference of what runs them.
        code: which its hash must be.
        device: on which JAX must compute.
        precision: in which JAX must compute.
        threads: of the numerical libraries.
        pack_size: cells in a pack; 1 for cells that run alone.
        files: directory in which each cell gets one for its files, if it does.
        cells: key and options of each.
    """

    command: str
    code: str
    device: str
    precision: str
    threads: int
    pack_size: int
    files: str | None
    cells: tuple[tuple[str, dict[str, Any]], ...]

    def alone(self) -> "list[Job]":
        """Split into one job a cell."""
        return [dataclasses.replace(self, cells=(cell,)) for cell in self.cells]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a cell gave: a result (JSON), or an error with its text."""

    key: str
    result: str | None
    error: str | None
    seconds: float | None
    environment: str | None


def lost(job: Job, reason: str) -> list[Outcome]:
    """Report cells whose worker did not live to do so."""
    return [Outcome(key, None, reason, None, None) for key, _ in job.cells]


def run_job(job: Job) -> list[Outcome]:
    """Run the cells of a job; an error in a cell is that cell's outcome.

    Cells that are no pack run one after another for at most `SECONDS`; those not begun by then are left out of the
    answer, for other workers.

    Raises:
        UnmetError: this worker would compute other numbers than the driver asked for (another version
            of the code, another device).
    """
    command = resolve(job.command)
    for what, mine, asked in (
        ("code", code(job.command.partition(":")[0]), job.code),
        ("precision", precision(), job.precision),
    ):
        if mine != asked:
            raise UnmetError(f"{platform.node()}: this worker has {what} {mine}, the driver {asked}; use one for both")
    with threads(job.threads):
        outcomes = _run_pack(job, command) if command.pack and job.pack_size > 1 else _run_alone(job, command)
    _check_device(job)
    return outcomes


def platform_of(device: str) -> str:
    """Return what the environment variable JAX_PLATFORMS calls a device, of a GPU the kind that JAX is installed for.

    Raises:
        UnmetError: JAX is installed for no GPU.

    Example:
        >>> platform_of("cpu")
        'cpu'
    """
    if device == "cpu":
        return "cpu"
    installed = " ".join(plugin.value for plugin in entry_points(group="jax_plugins"))
    found = [name for name in ("cuda", "rocm") if name in installed]
    if not found:
        raise UnmetError(
            f"{platform.node()}: device {device}: JAX here has no plugin for a GPU; see its installation page"
        )
    return found[0]


def run_fields(fields: dict[str, Any]) -> list[Outcome]:
    """Run a job that came as a dict of its fields: see `run_job`."""
    return run_job(Job(**fields))


def _run_alone(job: Job, command: Command) -> list[Outcome]:
    started = time.perf_counter()
    outcomes: list[Outcome] = []
    for key, options in job.cells:
        outcomes.append(_run_cell(key, job.threads, partial(_with_files, command, job.files, key, options)))
        if time.perf_counter() - started > SECONDS:
            break
    return outcomes


def _with_files(command: Command, files: str | None, key: str, options: Mapping[str, Any]) -> Any:
    if files is None:
        return command.function(**options)
    # A run that was killed before it was recorded may have left some.
    shutil.rmtree(Path(files, key), ignore_errors=True)
    with replacing(Path(files, key), directory=True) as own:
        return command.function(**options, **{FILES: own})


def _run_pack(job: Job, command: Command) -> list[Outcome]:
    options = [defaults(command, list(cell)) | cell for _, cell in job.cells]
    # Always one size: XLA compiles another program, with other last bits, for another number of lanes.
    filled = options + [options[-1]] * (job.pack_size - len(options))

    def results() -> list[Any]:
        given = list(cast(Callable[[list[dict[str, Any]]], Sequence[Any]], command.pack)(filled))
        if len(given) != len(filled):
            raise ValueError(f"a pack returns one result a cell: expected {len(filled)}, got {len(given)}")
        return given[: len(options)]

    if len(options) == 1:
        return [_run_cell(job.cells[0][0], job.threads, lambda: results()[0])]
    started = time.perf_counter()
    try:
        together = results()
    except (Exception, SystemExit):
        # Run alone, the cells that are not to blame give what they would have given here.
        return [outcome for single in job.alone() for outcome in _run_pack(single, command)]
    seconds = (time.perf_counter() - started) / len(options)
    return [
        _outcome(key, result, seconds, environment(job.threads))
        for (key, _), result in zip(job.cells, together, strict=True)
    ]


def _run_cell(key: str, number: int, cell: Callable[[], Any]) -> Outcome:
    started = time.perf_counter()
    try:
        result = cell()
        return _outcome(key, result, time.perf_counter() - started, environment(number))
    except (Exception, SystemExit) as error:
        # Notes, such as JAX's on how it shortens tracebacks, would take the place of the error's own line.
        vars(error).pop("__notes__", None)
        text = "".join(traceback.format_exception(error)).strip()
        return Outcome(key, None, text, time.perf_counter() - started, environment(number))


def _outcome(key: str, result: Any, seconds: float, where: str) -> Outcome:
    if not isinstance(result, Result | Mapping):
        error = f"TypeError: a cell returns a Result or a mapping, not a {type(result).__name__}"
        return Outcome(key, None, error, seconds, where)
    wrong = ", ".join(f"{name or 'result'} is {value}" for name, value in not_finite(result))
    try:
        named = plain(result)
        if len(flatten(named)) < _leaves(named):
            raise ValueError("two results have one name, such as a.b beside a: {b}")
        text = json.dumps(named, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        return Outcome(key, None, f"{type(error).__name__}: {error}", seconds, where)
    return Outcome(key, text, f"FloatingPointError: {wrong}" if wrong else None, seconds, where)


def _leaves(tree: Mapping[str, Any]) -> int:
    return sum(_leaves(value) if isinstance(value, Mapping) else 1 for value in tree.values())


def _check_device(job: Job) -> None:
    # After the cell: which device JAX takes, and whether the command takes JAX, is only known once it has run.
    jax = sys.modules.get("jax")
    if jax is None and job.device != "cpu":
        raise UnmetError(
            f'{job.command} computes on the CPU alone, the sweep asks for {job.device}; use device = "cpu"'
        )
    if jax is not None:
        try:
            used = jax.default_backend()
        except RuntimeError as error:
            raise UnmetError(f"{platform.node()}: device {job.device}: {str(error).splitlines()[0]}") from None
        if used != job.device:
            start = f"start it with JAX_PLATFORMS={platform_of(job.device)}"
            raise UnmetError(
                f"{platform.node()}: this worker computes on {used}, the sweep asks for {job.device}; {start}"
            )


@lru_cache
def environment(number: int) -> str:
    """Describe the machine, the libraries and their number of threads in this process (JSON)."""
    info = Path("/proc/cpuinfo")
    models = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    jax = sys.modules.get("jax")
    return json.dumps(
        {
            "host": platform.node(),
            "system": platform.platform(),
            "processor": models[0].partition(": ")[2] if models else platform.processor(),
            "cores": cores(),
            "threads": number,
            "device": jax.devices()[0].device_kind if jax else "cpu",
            "python": platform.python_version(),
            "attncap": version("attncap"),
            "numpy": np.__version__,
            "jax": jax.__version__ if jax else None,
        }
    )
