"""Cells: the points of a grid with the key under which the store knows each."""

import hashlib
import inspect
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from attncap.commands.command import Command
from attncap.commands.options import FILES, check
from attncap.errors import InputError
from attncap.sweep.code import code
from attncap.sweep.commands import COMMANDS, defaults, file_hash, named, reference, resolve
from attncap.sweep.grid import Grid
from attncap.sweep.numbers import precision
from attncap.tasks.source import check_source


@dataclass(frozen=True)
class Cell:
    """One run: its key, what it is (JSON), the code that runs it, and the group that it may be packed with."""

    key: str
    identity: str
    code: str
    pack: str


@dataclass(frozen=True)
class Plan:
    """A grid with its command found and its options checked.

    Raises:
        InputError: the command cannot be imported, or the options are not its options.
    """

    grid: Grid
    reference: str
    command: Command
    defaults: dict[str, Any]
    code: str
    precision: str
    pack_size: int

    @classmethod
    def of(cls, grid: Grid) -> "Plan":
        """Find the command of a grid and check the grid against it."""
        found = reference(grid.command)
        command = resolve(found)
        for name, values in grid.values.items():
            for value in values:
                text(value)
                check(command.function, {name: value})
                if name == "source" and isinstance(value, str) and found in COMMANDS.values():
                    check_source(value)
        if grid.files and FILES not in inspect.signature(command.function).parameters:
            raise InputError(f"files: {command.function.__qualname__} has no parameter {FILES!r} to leave them with")
        packed = grid.pack_size or command.pack_size if command.pack and not grid.files else 1
        left_out = defaults(command, grid.options)
        return cls(grid, found, command, left_out, code(found.partition(":")[0]), precision(), packed)

    def cells(self) -> Iterator[Cell]:
        """Yield the cells, in the order of the grid."""
        # Options may name files: another content is another number.
        content = lru_cache(lambda path: file_hash(path) if os.path.isfile(path) else None)
        shared = {
            "command": named(self.reference),
            "device": self.grid.device,
            "precision": self.precision,
            "threads": self.grid.threads,
            "pack_size": self.pack_size,
            "defaults": self.defaults,
            **({"files_kept": True} if self.grid.files else {}),
        }
        for options in self.grid:
            texts = [(name, value) for name, value in options.items() if isinstance(value, str)]
            files = {name: hashed for name, value in texts if (hashed := content(value))}
            identity = text({**shared, "options": options, "files": files})
            group = text(self.command.pack_key(self.defaults | options)) if self.pack_size > 1 else ""
            yield Cell(key(identity + self.code), identity, self.code, group)


def text(value: Any) -> str:
    """Write JSON that is the same for the same value.

    Raises:
        InputError: an option that JSON does not have, such as nan or a date.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_named)
    except (TypeError, ValueError) as error:
        raise InputError(f"an option is neither a number, a text, a flag nor a list of them ({error})") from None


def key(identity: str) -> str:
    """Hash everything that changes a cell's number: its identity with its code.

    Example:
        >>> key('{"options":{"heads":2}}')
        '86c3dd59725cad931c9a8e0db5094505'
    """
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _named(value: Any) -> str:
    """Name a default that JSON does not have; a grid's own values must be JSON's."""
    if isinstance(value, type) or callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    raise TypeError(f"{value!r}")
