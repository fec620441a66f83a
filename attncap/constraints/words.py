"""What an annotation asks for, in words."""

import sys
from os import PathLike
from types import UnionType
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

from attncap.constraints.rules import Called, Numbers, OneOf, Range

NAMES: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    complex: "a number",
    str: "a text",
    bool: "true or false",
    list: "a list",
    tuple: "a list",
    dict: "a table",
    slice: "a slice",
}


def expected(annotation: Any) -> str:
    """Say in words what an annotation asks for.

    Example:
        >>> from attncap.constraints import Count
        >>> expected(Count | None), expected(Literal["a", "b"]), expected(float | int)
        ('a whole number of at least 1', "'a' or 'b'", 'a number')
    """
    kinds = parts(annotation)
    return " or ".join(dict.fromkeys(_words(one) for one in kinds if one is not int or float not in kinds))


def choices(annotation: Any) -> list[Any]:
    """Return the types and words that an annotation lists, but None.

    Example:
        >>> from attncap.constraints import Count
        >>> choices(Count | None), choices(Literal["a", "b"] | None)
        ([<class 'int'>], ['a', 'b'])
    """
    return [choice for one in parts(annotation) for choice in _choices(one)]


def parts(annotation: Any) -> list[Any]:
    """Return what a union joins, but None."""
    if get_origin(annotation) in (Union, UnionType):
        return [part for one in get_args(annotation) for part in parts(one)]
    return [] if annotation in (None, type(None)) else [annotation]


def _choices(part: Any) -> list[Any]:
    if get_origin(part) is Annotated:
        listed = [rule for rule in part.__metadata__ if isinstance(rule, OneOf)]
        return [*listed[0].words] if listed else choices(get_args(part)[0])
    return list(get_args(part)) if get_origin(part) is Literal else [part]


def _words(part: Any) -> str:
    """Say what one part of a union asks for."""
    if get_origin(part) is Annotated:
        rules = [rule for rule in part.__metadata__ if is_rule(rule)]
        alone = any(isinstance(rule, OneOf | Numbers) for rule in rules)
        return " ".join([*([] if alone else [expected(get_args(part)[0])]), *map(str, rules)])
    if get_origin(part) is Literal:
        return " or ".join(map(repr, get_args(part)))
    if is_array(part):
        return f"an array ({', '.join(part.dim_str.split())})"
    if isinstance(part, ForwardRef):
        return str(Called(part.__forward_arg__.rpartition(".")[2]))
    kind = get_origin(part) or part
    if kind in NAMES:
        return NAMES[kind]
    if not isinstance(kind, type) or kind.__module__ == "collections.abc":
        return {"Sequence": "a list", "Mapping": "a table", "Callable": "a function"}.get(kind.__name__, str(kind))
    if issubclass(kind, PathLike):
        return "a path"
    package = ".".join(kind.__module__.split(".")[: 2 if kind.__module__.startswith("attncap") else 1])
    return f"{package}.{kind.__name__}"


def is_array(annotation: Any) -> bool:
    """Tell whether an annotation is that of a NumPy array with named sizes."""
    # Where it was not imported there is no such annotation, and the command line starts without it.
    jaxtyping: Any = sys.modules.get("jaxtyping")
    if jaxtyping is None or not isinstance(annotation, type) or not issubclass(annotation, jaxtyping.AbstractArray):
        return False
    kind: Any = annotation
    return bool(kind.array_type is sys.modules["numpy"].ndarray)


def is_rule(rule: Any) -> bool:
    """Tell a rule from what others put into an annotation."""
    return isinstance(rule, Range | OneOf)
