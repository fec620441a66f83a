"""Dress a plain function for the terminal: its parameters become options, their help is its docstring's."""

import inspect
import os
from collections.abc import Callable
from copy import copy
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from typer.models import OptionInfo

from attncap.commands.options import check, described, options
from attncap.constraints import choices
from attncap.files import check_apart

OUTPUTS = ("out", "plot", "gold", "static")


def apart(function: Callable[..., None]) -> Callable[..., None]:
    """Let a terminal's command write over nothing that it reads, and nothing twice."""

    @wraps(function)
    def run(**given: Any) -> None:
        outputs = {name: given.get(name) for name in OUTPUTS}
        # What is typed as text may be the name of a table of ours, beside which a directory of that name may lie.
        read = {
            name: value
            for name, value in given.items()
            if name not in outputs and (isinstance(value, Path) or (isinstance(value, str) and os.path.isfile(value)))
        }
        check_apart(outputs, read)
        function(**given)

    return run


def dressed(command: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a terminal's command the options of a plain function.

    The decorated function gets them as one dict, and what the terminal adds as keywords. What it declares by the name
    of an option stands for that option (another type, another default), and is not in the dict.

    Args:
        command: the plain function: parameters that may be given without a name become arguments.
    """

    def dress(function: Callable[..., None]) -> Callable[..., None]:
        taken, helps = options(command), described(command)
        _, *own = inspect.signature(function).parameters.values()
        added = {one.name: one for one in own}
        shown = {
            name: _dress(added.pop(name, one), helps[name], argument=one.kind is one.POSITIONAL_OR_KEYWORD)
            for name, one in taken.items()
        }
        kept = [name for name in taken if name not in inspect.signature(function).parameters]

        def run(**given: Any) -> None:
            chosen = {name: given.pop(name) for name in kept}
            check(command, chosen)
            function(chosen, **given)

        parameters = [*shown.values(), *(one.replace(kind=one.KEYWORD_ONLY) for one in added.values())]
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return dress


def _dress(parameter: inspect.Parameter, text: str, *, argument: bool) -> inspect.Parameter:
    """Return the parameter as Typer reads it: numbers are real, and words are checked like a sweep's."""
    kind = parameter.annotation
    marks = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    info = next((one for one in marks if isinstance(one, OptionInfo)), None)
    listed = choices(kind)
    words = [one for one in listed if isinstance(one, str)]
    simple: Any = str if words else float if float in listed else listed[0]
    if argument:
        info = typer.Argument()
    elif info is None:
        # A flag has no opposite.
        names = [f"--{parameter.name.replace('_', '-')}"] if kind is bool else []
        info = typer.Option(*names, min=0 if parameter.name == "seed" else None, metavar="|".join(words) or None)
    info = copy(info)
    info.help = info.help or text[0].upper() + text[1:]
    base = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    optional = simple | None if type(None) in get_args(base) else simple
    return parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=Annotated[optional, info])
