"""The options of a command, read off its function: what each may be, and what its docstring says of it."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from attncap.constraints import settle
from attncap.errors import InputError

# The parameter for which a sweep provides a directory; a terminal has an option of its own for that.
FILES = "files"


def options(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return what a person or a sweep may give, in order.

    Example:
        >>> def count(source: str, *, heads: int = 1, files=None): ...
        >>> list(options(count))
        ['source', 'heads']
    """
    taken = inspect.signature(function).parameters.values()
    named = (p for p in taken if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return {p.name: p for p in named if p.name != FILES}


def described(function: Callable[..., Any]) -> dict[str, str]:
    r"""Read what the docstring's Args say of each option, as plain text.

    Example:
        >>> def count(heads):
        ...     '''Count.
        ...
        ...     Args:
        ...         heads: $H$, of each
        ...             layer.
        ...     '''
        >>> described(count)
        {'heads': 'H, of each layer.'}
    """
    _, _, rest = (inspect.getdoc(function) or "").partition("Args:\n")
    block = re.split(r"\n(?=\S)", rest)[0]
    found = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", block, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", re.sub(r"[$`\\]", "", text.replace(r"\top", "T"))) for name, text in found}


def check(function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Refuse values that are not of an option's type, before any work.

    Types other than JSON's are left to the function.

    Raises:
        InputError: names the option, what was expected and what was got.

    Example:
        >>> def count(*, heads: int, method: Literal["theorem", "margin"] = "theorem"): ...
        >>> check(count, {"heads": 8.5})
        Traceback (most recent call last):
            ...
        attncap.errors.InputError: heads: expected a whole number, got 8.5
        >>> check(count, {"method": "magrin"})
        Traceback (most recent call last):
            ...
        attncap.errors.InputError: method: expected 'theorem' or 'margin', got 'magrin'; did you mean 'margin'?
    """
    taken = options(function)
    for name, value in given.items():
        if name in taken:
            settle(name, value, taken[name].annotation)


def no_columns(**given: str | None) -> None:
    """Refuse columns of a table where no source is given.

    Raises:
        InputError: names the option.
    """
    for name, value in given.items():
        if value is not None:
            raise InputError(name, "a source that it applies to", value)


def one_source(source: str | None, **numbers: int | None) -> None:
    """Refuse a task that is named and described by numbers at once, or neither.

    Raises:
        InputError: both, or neither.

    Example:
        >>> one_source("capitals", vocabulary=None)
        >>> one_source(None, vocabulary=50, context=None)
        Traceback (most recent call last):
            ...
        attncap.errors.InputError: source: expected a source, or vocabulary and context, got no context
    """
    missing = [name for name, given in numbers.items() if given is None]
    words = f"a source, or {' and '.join(numbers)}"
    if source is None and missing:
        raise InputError(f"source: expected {words}, got no {' and no '.join(missing)}")
    if source is not None and len(missing) < len(numbers):
        raise InputError(f"source: expected {words}, got both")
