"""Dress a plain function for the terminal: its parameters become options, their help is its docstring's."""

import inspect
from collections.abc import Callable
from copy import copy
from enum import StrEnum
from typing import Annotated, Any, get_args, get_origin

import typer

from attncap.commands.options import alternatives, described, options


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
            chosen = {name: _plain(given.pop(name)) for name in kept}
            function(chosen, **given)

        parameters = [*shown.values(), *(one.replace(kind=one.KEYWORD_ONLY) for one in added.values())]
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return dress


def _dress(parameter: inspect.Parameter, text: str, *, argument: bool) -> inspect.Parameter:
    """Return the parameter as Typer reads it."""
    kind, info = parameter.annotation, None
    if get_origin(kind) is Annotated:
        kind, info = get_args(kind)
    if argument:
        info = typer.Argument()
    elif info is None:
        # A flag has no opposite.
        names = [f"--{parameter.name.replace('_', '-')}"] if kind is bool else []
        info = typer.Option(*names, min=0 if parameter.name == "seed" else None)
    info = copy(info)
    info.help = info.help or text[0].upper() + text[1:]
    return parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=Annotated[_simple(kind), info])


def _simple(kind: Any) -> Any:
    """Return the type that Typer knows: words become an enumeration, numbers real."""
    choices = alternatives(kind)
    simple: Any = float if float in choices else choices[0]
    if isinstance(simple, str):
        enumeration: Any = StrEnum
        simple = enumeration("Words", {word: word for word in choices})
    return simple | None if type(None) in get_args(kind) else simple


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, StrEnum) else value
