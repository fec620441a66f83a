"""The arguments of a function, and the fields of a dataclass, held to their annotations."""

import dataclasses
import inspect
import typing
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any, ForwardRef, ParamSpec, TypeVar, Union

from attncap.constraints.values import settle

P = ParamSpec("P")
T = TypeVar("T")


def checked(function: Callable[P, T]) -> Callable[P, T]:
    """Refuse arguments that their annotations do not allow, in one line each, before the function runs.

    NumPy's numbers become Python's, and lists arrays where those are asked for. What is annotated with
    anything that this module does not know is left to the function.

    Raises:
        InputError: names the argument, what was expected and what was got.

    Example:
        >>> from typing import Literal
        >>> from attncap.constraints import Count
        >>> @checked
        ... def layer(heads: Count, dtype: Literal["float64", "float32"] = "float64") -> int:
        ...     return heads
        >>> import numpy as np
        >>> layer(np.int64(3))
        3
        >>> layer(2.5)
        Traceback (most recent call last):
            ...
        attncap.errors.InputError: heads: expected a whole number of at least 1, got 2.5
        >>> layer(2, "float23")
        Traceback (most recent call last):
            ...
        attncap.errors.InputError: dtype: expected 'float64' or 'float32', got 'float23'; did you mean 'float32'?
    """
    signature = inspect.signature(function)
    annotations: dict[str, Any] = {}

    def run(args: Any, kwargs: Any) -> Any:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:  # The function itself says which argument is missing.
            return function(*args, **kwargs)
        if not annotations:
            annotations.update(_annotations(function))
        # N and S of the models and tasks, and of the arrays, so far.
        sizes: dict[str, int] = {}
        for name, value in given.arguments.items():
            match signature.parameters[name].kind:
                case inspect.Parameter.VAR_POSITIONAL:
                    new: Any = tuple(settle(name, one, annotations[name], sizes) for one in value)
                case inspect.Parameter.VAR_KEYWORD:
                    new = {key: settle(key, one, annotations[name], sizes) for key, one in value.items()}
                case _:
                    new = settle(name, value, annotations[name], sizes)
            given.arguments[name] = new
        return function(*given.args, **given.kwargs)

    return wraps(function)(_as_if_in(function, lambda *args, **kwargs: run(args, kwargs)))


def _as_if_in(function: Any, call: Any) -> Any:
    """Return a function with the globals of another, else doctest does not find the example of what it wraps."""
    return FunctionType(call.__code__, function.__globals__, closure=call.__closure__)


def check_fields(instance: Any) -> None:
    """Hold the fields of a frozen dataclass to their annotations: for its ``__post_init__``.

    Raises:
        InputError: names the field, what was expected and what was got.
    """
    hints = typing.get_type_hints(type(instance), include_extras=True)
    for field in dataclasses.fields(instance):
        object.__setattr__(instance, field.name, settle(field.name, getattr(instance, field.name), hints[field.name]))


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    """Return what each parameter is annotated with; a class that only type checkers import stays its name."""
    names = getattr(inspect.unwrap(function), "__globals__", {})

    def known(annotation: Any) -> Any:
        if not isinstance(annotation, str):
            return annotation
        try:
            of = type("Of", (), {"__annotations__": {"it": annotation}})
            return typing.get_type_hints(of, names, include_extras=True)["it"]
        except NameError:
            return Union[*(None if one == "None" else ForwardRef(one) for one in annotation.split(" | "))]

    return {one.name: known(one.annotation) for one in inspect.signature(function).parameters.values()}
