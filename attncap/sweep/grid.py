"""The grid of a sweep: fixed values, products, zips and seeds, from TOML or from Python."""

import dataclasses
import itertools
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from attncap.commands.command import Command
from attncap.constraints import NAMES, checked, fits
from attncap.errors import InputError, nearest

DEVICES = ("cpu", "gpu")


@dataclasses.dataclass(frozen=True)
class Grid:
    r"""Every run of a sweep.

    With products $A_1, \dots, A_k$ and zipped lists of one length $L$, the grid is
    $A_1 \times \dots \times A_k \times \{1..L\} \times \{0..\text{seeds}-1\}$, seeds innermost.

    Args:
        command: what a cell runs: a registered name, ``"package.module:function"``, a function that can
            be imported, or a `Command`.
        fixed: options with one value for all cells.
        product: options with a list of values, every combination of which is run.
        zip: options with lists of one length, taken together.
        seeds: cells per point, with ``seed`` = 0, 1, ...; a command without a ``seed`` takes none.
        device: what the cells compute on, "cpu" or "gpu".
        pack_size: cells in one packed run, where the command can pack; 1 runs each alone.
        threads: of the numerical libraries in each cell; other numbers of them sum in another order.
        files: leave what each cell writes, such as weights, in DIR/files/KEY, for a command with a parameter ``files``.
        cluster: options of a SLURM cluster (see `attncap.sweep.cluster.slurm`).

    Raises:
        InputError: an option in two tables, a product that is no list, zips of unequal length, ...

    Example:
        >>> grid = Grid("collections:Counter", product={"heads": [1, 2]}, zip={"d": [3, 4], "dh": [3, 4]})
        >>> len(grid), next(iter(grid))
        (4, {'heads': 1, 'd': 3, 'dh': 3})
    """

    command: str | Callable[..., Any] | Command
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    product: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    zip: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seeds: int | None = None
    device: str = "cpu"
    pack_size: int | None = None
    threads: int = 1
    files: bool = False
    cluster: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in ("fixed", "product", "zip"):
            # The command line writes embedding-dim, Python embedding_dim.
            options = {name.replace("-", "_"): _plain(value) for name, value in getattr(self, table).items()}
            object.__setattr__(self, table, options)
        _check_lists(self)
        _check_names(self)
        for name, value in (("seeds", self.seeds), ("pack_size", self.pack_size), ("threads", self.threads)):
            if value is not None and value < 1:
                raise InputError(name, "a whole number of at least 1", value)
        if self.device not in DEVICES:
            raise InputError("device", " or ".join(DEVICES), self.device)

    def __len__(self) -> int:
        zipped = len(next(iter(self.zip.values()))) if self.zip else 1
        return math.prod(map(len, self.product.values())) * zipped * (self.seeds or 1)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the options of each cell."""
        rows = list(zip(*self.zip.values(), strict=True)) or [()]
        seeds: list[dict[str, int]] = [{"seed": seed} for seed in range(self.seeds)] if self.seeds else [{}]
        for values in itertools.product(*self.product.values()):
            for row in rows:
                varied = zip([*self.product, *self.zip], [*values, *row], strict=True)
                options = {**self.fixed, **dict(varied)}
                yield from ({**options, **seed} for seed in seeds)

    @property
    def options(self) -> list[str]:
        """The names of the options that the cells are given."""
        return [*self.fixed, *self.product, *self.zip, *(["seed"] if self.seeds else [])]

    @property
    def values(self) -> dict[str, Sequence[Any]]:
        """The values of each option, without the seeds."""
        return {name: [value] for name, value in self.fixed.items()} | dict(self.product) | dict(self.zip)


def _plain(value: Any) -> Any:
    """Return NumPy's numbers as Python's, which have one spelling in an identity."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _check_lists(grid: Grid) -> None:
    for table in ("product", "zip"):
        for name, values in getattr(grid, table).items():
            if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
                raise InputError(f"[{table}] {name}: expected a list of values, got {values!r}")
    lengths = {name: len(values) for name, values in grid.zip.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"[zip]: expected lists of one length, got {lengths}")


def _check_names(grid: Grid) -> None:
    twice = [name for name in grid.options if grid.options.count(name) > 1]
    if twice:
        raise InputError(f"{twice[0]}: is given twice; keep it in one of [fixed], [product], [zip] and seeds")


@checked
def load(path: str | Path) -> Grid:
    """Read a grid from TOML.

    Args:
        path: the file: ``command``, ``seeds``, ``device``, ``pack_size``, ``threads``, ``files`` and the tables
            ``[fixed]``, ``[product]``, ``[zip]``, ``[cluster]``.

    Raises:
        InputError: no such file, no TOML, an unknown key, or a value of the wrong type.

    Example:
        >>> import tempfile
        >>> spec = Path(tempfile.mkdtemp()) / "spec.toml"
        >>> _ = spec.write_text('command = "train"\\nseeds = 5\\n[product]\\nheads = [1, 6, 11]')
        >>> len(load(spec))
        15
    """
    path = Path(path)
    try:
        spec = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected TOML; {error}") from None
    kinds: dict[str, Any] = {
        "command": str,
        "device": str,
        "seeds": int,
        "pack_size": int,
        "threads": int,
        "files": bool,
    }
    kinds |= dict.fromkeys(("fixed", "product", "zip", "cluster"), dict)
    for key, value in spec.items():
        if key not in kinds:
            raise InputError(f"{path}: unknown key {key!r}{nearest(key, kinds)} (known: {', '.join(kinds)})")
        if not fits(value, kinds[key]):
            raise InputError(f"{path}: {key}: expected {NAMES[kinds[key]]}, got {value!r}")
    if "command" not in spec:
        raise InputError(f'{path}: the key command is missing; for example command = "train"')
    try:
        return Grid(**spec)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
