"""What a cell can run: the registered commands, and any function that can be imported."""

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from attncap.commands.command import Command
from attncap.commands.options import options as command_options
from attncap.constraints import checked
from attncap.errors import InputError, nearest

COMMANDS: dict[str, str] = {
    "audit": "attncap.commands.audit:audit",
    "bounds": "attncap.commands.bounds:bounds",
    "capacity": "attncap.commands.capacity:capacity",
    "encode": "attncap.commands.encode:encode",
    "interpolation": "attncap.commands.interpolation:interpolation",
    "memorize": "attncap.commands.memorize:memorize",
    "plan": "attncap.commands.plan:plan",
    "saturation": "attncap.commands.labelled:saturation",
    "train": "attncap.commands.train:train_cell",
}
# Those that say how long they will take before they begin; what says nothing would be run to its end to be asked.
FORETOLD = ("capacity", "interpolation", "memorize", "saturation", "train")


@checked
def register(name: str, reference: str) -> None:
    """Give a function or a `Command` a name for ``command = "..."``.

    Args:
        name: the name.
        reference: ``"package.module:attribute"``; imported when a sweep first uses it.

    Example:
        >>> register("count", "collections:Counter")
        >>> resolve("count").function(heads=2)
        Counter({'heads': 2})
        >>> del COMMANDS["count"]
    """
    COMMANDS[name] = reference


def reference(command: str | Callable[..., Any] | Command) -> str:
    """Return the ``"package.module:attribute"`` by which every worker finds a command.

    Raises:
        InputError: an unknown name, or a function that cannot be imported by its name.
    """
    if isinstance(command, str):
        if ":" in command:
            return command
        if command not in COMMANDS:
            known = ", ".join(COMMANDS)
            raise InputError(
                f"command: unknown {command!r}{nearest(command, COMMANDS)} (known: {known}, or package.module:function)"
            )
        return COMMANDS[command]
    if isinstance(command, Command):
        module = sys.modules[command.function.__module__]
        names = [name for name, value in vars(module).items() if value is command]
        name = names[0] if names else "?"
    else:
        module, name = sys.modules[command.__module__], command.__qualname__
        names = [name] if getattr(module, name, None) is command else []
    if not names:
        raise InputError(
            f"command: {command!r} has no name in the module {module.__name__}, so no worker can import it"
        )
    return f"{module.__name__}:{name}"


def named(reference: str) -> str:
    """Return the registered name of a command, under which its cells stay known when its module moves.

    Example:
        >>> named("attncap.commands.train:train_cell"), named("collections:Counter")
        ('train', 'collections:Counter')
    """
    return next((name for name, registered in COMMANDS.items() if registered == reference), reference)


@lru_cache
def resolve(command: str) -> Command:
    """Import a command by its name or reference.

    Raises:
        InputError: it cannot be imported, or is neither a function nor a `Command`.
    """
    module, _, attribute = reference(command).partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, ValueError) as error:
        raise InputError(f"command {command!r}: cannot import {module} ({error})") from None
    except AttributeError:
        known = dir(sys.modules[module])
        raise InputError(f"command {command!r}: {module} has no {attribute!r}{nearest(attribute, known)}") from None
    if not isinstance(found, Command) and not callable(found):
        raise InputError(f"command {command!r}: expected a function or a Command, got a {type(found).__name__}")
    return found if isinstance(found, Command) else Command(found, pack_size=1)


def defaults(command: Command, options: Sequence[str]) -> dict[str, Any]:
    """Check the names of a grid's options and return the values of those it leaves out.

    Raises:
        InputError: an option that the command does not take, or one that it needs and does not get.

    Example:
        >>> def train(*, heads: int, steps: int = 4096, seed: int = 0): ...
        >>> defaults(Command(train), ["heads", "seed"])
        {'steps': 4096}
        >>> defaults(Command(train), ["head"])
        Traceback (most recent call last):
            ...
        attncap.errors.InputError: unknown option 'head'; did you mean 'heads'? (known: heads, steps, seed)
    """
    taken = command_options(command.function)
    anything = inspect.signature(command.function).parameters.values()
    if "seed" in options and "seed" not in taken:
        raise InputError(f"seeds: {command.function.__qualname__} takes no seed; leave it out")
    if not any(p.kind is p.VAR_KEYWORD for p in anything):
        for name in options:
            if name not in taken:
                raise InputError(f"unknown option {name!r}{nearest(name, taken)} (known: {', '.join(taken)})")
    missing = [name for name, p in taken.items() if p.default is p.empty and name not in options]
    if missing:
        raise InputError(f"option {missing[0]!r} is missing; {command.function.__qualname__} needs it")
    return {name: p.default for name, p in taken.items() if name not in options}


def file_hash(path: str) -> str:
    """Return the start of a file's SHA-256."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
