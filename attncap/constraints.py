"""What an argument may be, as data in its annotation: one check for Python, the terminal and sweeps."""

import dataclasses
import inspect
import math
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from os import PathLike
from types import FunctionType, UnionType
from typing import Annotated, Any, ForwardRef, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

import numpy as np
from jaxtyping import AbstractArray

from attncap.errors import InputError, nearest
from attncap.result import Result

P = ParamSpec("P")
T = TypeVar("T")
# What numbers of 64 bits hold.
LARGEST = 2**63 - 1
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


@dataclass(frozen=True)
class Range:
    """Numbers between two ends; ``open`` leaves the ends out.

    Example:
        >>> 0 in Range(1), float("nan") in Range(0, 1), 0.5 in Range(0, 1, open=True)
        (False, False, True)
        >>> str(Range(1)), str(Range(0, 1)), str(Range(0, open=True))
        ('of at least 1', 'from 0 to 1', 'above 0')
    """

    least: float | int = -math.inf
    most: float | int = math.inf
    open: bool = False

    def __contains__(self, value: Any) -> bool:
        return bool(self.least < value < self.most if self.open else self.least <= value <= self.most)

    def __str__(self) -> str:
        if self.most == math.inf:
            return f"above {self.least}" if self.open else f"of at least {self.least}"
        return f"between {self.least} and {self.most}" if self.open else f"from {self.least} to {self.most}"


@dataclass(frozen=True)
class Numbers(Range):
    """One number or an array of them, of any shape, each finite and between the ends.

    Example:
        >>> [1, 2] in Numbers(0), [] in Numbers(0), [1, -1] in Numbers(0)
        (True, False, False)
    """

    def __contains__(self, value: Any) -> bool:
        try:
            array = reals(value, "")
        except InputError:
            return False
        return array.size > 0 and all(
            abs(end) < math.inf and super(Numbers, self).__contains__(end) for end in (array.min(), array.max())
        )

    def __str__(self) -> str:
        return f"finite numbers {super().__str__().removeprefix('of ')}".replace("at least -inf", "").strip()


@dataclass(frozen=True)
class OneOf:
    """Words of a list."""

    words: Collection[str]

    def __contains__(self, value: Any) -> bool:
        return value in self.words

    def __str__(self) -> str:
        return f"one of {', '.join(self.words)}"


@dataclass(frozen=True)
class Called:
    """Objects of a class of this name, or of one derived from it: the class itself need not be imported."""

    name: str

    def __contains__(self, value: Any) -> bool:
        return self.name in (kind.__name__ for kind in type(value).__mro__)

    def __str__(self) -> str:
        return f"an object of {self.name}"


Count = Annotated[int, Range(1)]
Natural = Annotated[int, Range(0)]
Seed = Annotated[int, Range(0)]
Positive = Annotated[float | int, Range(0, open=True)]
NotNegative = Annotated[float | int, Range(0)]
Share = Annotated[float | int, Range(0, 1)]


def checked(function: Callable[P, T]) -> Callable[P, T]:
    """Refuse arguments that their annotations do not allow, in one line each, before the function runs.

    NumPy's numbers become Python's, and lists arrays where those are asked for. What is annotated with
    anything that this module does not know is left to the function.

    Raises:
        InputError: names the argument, what was expected and what was got.

    Example:
        >>> @checked
        ... def layer(heads: Count, dtype: Literal["float64", "float32"] = "float64") -> int:
        ...     return heads
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
    names = getattr(function, "__globals__", {})

    def known(annotation: Any) -> Any:
        if not isinstance(annotation, str):
            return annotation
        try:
            of = type("Of", (), {"__annotations__": {"it": annotation}})
            return typing.get_type_hints(of, names, include_extras=True)["it"]
        except NameError:
            return Union[*(None if one == "None" else ForwardRef(one) for one in annotation.split(" | "))]

    return {one.name: known(one.annotation) for one in inspect.signature(function).parameters.values()}


def settle(name: str, value: Any, annotation: Any, sizes: dict[str, int] | None = None) -> Any:
    """Return a value as its annotation asks for it.

    Args:
        name: of the argument.
        value: what was given.
        annotation: what it may be.
        sizes: of arrays by letter, as earlier arguments have them.

    Raises:
        InputError: it is nothing of the kind.
    """
    value = value.item() if isinstance(value, np.generic) and value.dtype.kind in "biufcU" else value
    if fits(value, annotation):
        kinds = choices(annotation)
        if isinstance(value, int) and float in kinds and (int not in kinds or abs(value) > LARGEST):
            value = float(value)
        if isinstance(value, Result) and sizes is not None:
            _agree(name, value.sizes, sizes)
        return value
    for one in parts(annotation):
        if is_array(one):
            return _array(name, value, one, {} if sizes is None else sizes)
    if isinstance(value, int) and abs(value) > LARGEST:
        raise InputError(name, f"at most {LARGEST}", value)
    words = [one for one in choices(annotation) if isinstance(one, str)]
    raise InputError(name, expected(annotation), value, nearest(value, words) if isinstance(value, str) else "")


def fits(value: Any, annotation: Any) -> bool:
    """Say whether a value is what an annotation asks for; a whole number is a number, a flag is none.

    Example:
        >>> fits(3, float), fits(True, int), fits(float("nan"), float), fits([1, 0], list[Count])
        (True, False, False, False)
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return fits(value, arguments[0]) and all(value in rule for rule in annotation.__metadata__ if _is_rule(rule))
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in arguments)
    if isinstance(annotation, ForwardRef):
        return value in Called(annotation.__forward_arg__.rpartition(".")[2])
    if annotation in (None, type(None)):
        return value is None
    if is_array(annotation):
        return False
    kind = origin or annotation
    if kind in (int, float, complex, bool, str):
        return _fits_scalar(value, kind)
    if kind is Callable:
        return callable(value)
    if kind in (Any, inspect.Parameter.empty) or not isinstance(kind, type):
        return True
    if issubclass(kind, PathLike):
        return isinstance(value, PathLike)
    if kind in (list, tuple) or kind is Sequence:
        return _is_list(value, kind) and all(fits(item, one) for one in arguments[:1] for item in value)
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping) and all(fits(item, one) for one in arguments[1:] for item in value.values())
    try:
        return isinstance(value, kind)
    except TypeError:  # A protocol that cannot be asked for.
        return True


def expected(annotation: Any) -> str:
    """Say in words what an annotation asks for.

    Example:
        >>> expected(Count | None), expected(Literal["a", "b"]), expected(float | int)
        ('a whole number of at least 1', "'a' or 'b'", 'a number')
    """
    kinds = parts(annotation)
    return " or ".join(dict.fromkeys(_words(one) for one in kinds if one is not int or float not in kinds))


def choices(annotation: Any) -> list[Any]:
    """Return the types and words that an annotation lists, but None.

    Example:
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
        rules = [rule for rule in part.__metadata__ if _is_rule(rule)]
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
    return (
        isinstance(annotation, type) and issubclass(annotation, AbstractArray) and annotation.array_type is np.ndarray
    )


def _agree(name: str, own: Mapping[str, int], sizes: dict[str, int]) -> None:
    """Refuse what is of other sizes than the arguments before it."""
    shared = sizes.keys() & own.keys()
    if any(sizes[letter] != own[letter] for letter in shared):
        wanted, got = (", ".join(f"{letter} = {of[letter]}" for letter in sorted(shared)) for of in (sizes, own))
        raise InputError(f"{name}: expected {wanted} as in the arguments before it, got {got}")
    sizes.update(own)


def _array(name: str, value: Any, annotation: Any, sizes: dict[str, int]) -> np.ndarray:
    """Make an array of numbers, whose sizes agree with those of the same letters."""
    whole = all(kind.startswith(("int", "uint")) for kind in annotation.dtypes)
    complicated = any(kind.startswith("complex") for kind in annotation.dtypes)
    letters = annotation.dim_str.split()
    shape = f"({', '.join(letters)})"
    kinds = "iu" if whole else "iufcV" if complicated else "iufV"
    try:
        array = np.asanyarray(value)
    except ValueError:
        raise InputError(name, f"an array {shape}", "rows of different lengths") from None
    # ml_dtypes' numbers are of NumPy's kind V.
    if array.dtype.kind not in kinds or (array.dtype.kind == "V" and array.dtype.names):
        raise InputError(name, f"an array {shape} of {'whole ' * whole}numbers", value)
    if isinstance(array, np.ma.MaskedArray):
        raise InputError(name, f"an array {shape} without a mask", "a masked array")
    if array.dtype.kind in "iu" and not any(kind.startswith(("int", "uint")) for kind in annotation.dtypes):
        array = array.astype(np.float64)
    if any(letter.startswith(("*", ".")) for letter in letters):
        if array.ndim < len(letters) - 1 or not array.size:
            raise InputError(name, f"shape {shape}, not empty", array.shape)
        return array
    wanted = [sizes.get(letter) for letter in letters]
    wrong = [size is not None and size != have for size, have in zip(wanted, array.shape, strict=False)]
    if array.ndim != len(letters) or any(wrong):
        known = [f"{letter} = {sizes[letter]}" for letter in letters if letter in sizes]
        raise InputError(name, f"shape {shape}" + " with " * bool(known) + ", ".join(known), array.shape)
    sizes.update(zip(letters, array.shape, strict=True))
    return array


def reals(values: Any, what: str) -> np.ndarray:
    """Make an array of float64.

    Raises:
        InputError: says of ``what`` that it holds something else, or that some of it is masked.

    Example:
        >>> reals([1, 2], "labels").tolist()
        [1.0, 2.0]
        >>> reals([1j], "labels")
        Traceback (most recent call last):
            ...
        attncap.errors.InputError: labels: expected an array of real numbers, got [1j]
    """
    try:
        array = np.asanyarray(values)
        known = array.dtype.kind in "biufO" or (array.dtype.kind == "V" and not array.dtype.names)
        if known and not isinstance(array, np.ma.MaskedArray):
            return array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    raise InputError(what, "an array of real numbers", values)


def _fits_scalar(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is int:
        return isinstance(value, int) and abs(value) <= LARGEST
    if kind is float:
        return isinstance(value, int | float) and abs(value) < math.inf
    return isinstance(value, kind)


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, Sequence if kind is Sequence else kind) and not isinstance(value, str | bytes)


def _is_rule(rule: Any) -> bool:
    return isinstance(rule, Range | OneOf)
