"""One value held to an annotation."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

from attncap.constraints.rules import Called
from attncap.constraints.words import choices, expected, is_array, is_rule, parts
from attncap.errors import InputError, nearest

if TYPE_CHECKING:
    import numpy as np

# What numbers of 64 bits hold.
LARGEST = 2**63 - 1


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
    # Without it there are no numbers of its.
    numpy = sys.modules.get("numpy")
    value = value.item() if numpy and isinstance(value, numpy.generic) and value.dtype.kind in "biufcU" else value
    if fits(value, annotation):
        kinds = choices(annotation)
        if isinstance(value, int) and float in kinds and (int not in kinds or abs(value) > LARGEST):
            value = float(value)
        if sizes is not None:
            _agree(name, value, sizes)
        return value
    for one in parts(annotation):
        if is_array(one):
            return _array(name, value, one, {} if sizes is None else sizes)
    if isinstance(value, int) and abs(value) > LARGEST:
        raise InputError(name, f"at most {LARGEST}", value)
    words = [one for one in choices(annotation) if isinstance(one, str)]
    # Where the type is right, only what is wrong is said.
    rules = [broken for one in parts(annotation) for broken in _broken(value, one)]
    said = " or ".join(rules) or expected(annotation)
    raise InputError(name, said, value, nearest(value, words) if isinstance(value, str) else "")


def _broken(value: Any, annotation: Any) -> list[str]:
    """Return the rules that a value of the right type breaks."""
    if get_origin(annotation) is not Annotated or not fits(value, get_args(annotation)[0]):
        return []
    rules = [rule for rule in annotation.__metadata__ if is_rule(rule) and value not in rule]
    return [str(rule).removeprefix("of ").removeprefix("from ") for rule in rules]


def fits(value: Any, annotation: Any) -> bool:
    """Say whether a value is what an annotation asks for; a whole number is a number, a flag is none.

    Example:
        >>> from attncap.constraints import Count
        >>> fits(3, float), fits(True, int), fits(float("nan"), float), fits([1, 0], list[Count])
        (True, False, False, False)
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return fits(value, arguments[0]) and all(value in rule for rule in annotation.__metadata__ if is_rule(rule))
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
        # All of a range lie between its ends, however many they are.
        items = (value[0], value[-1]) if isinstance(value, range) and value else value
        return _is_list(value, kind) and all(fits(item, one) for one in arguments[:1] for item in items)
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping) and all(fits(item, one) for one in arguments[1:] for item in value.values())
    try:
        return isinstance(value, kind)
    except TypeError:  # A protocol that cannot be asked for.
        return True


def _fits_scalar(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is int:
        return isinstance(value, int) and abs(value) <= LARGEST
    if kind is float:
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    return isinstance(value, kind)


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, Sequence if kind is Sequence else kind) and not isinstance(value, str | bytes)


def _agree(name: str, value: Any, sizes: dict[str, int]) -> None:
    """Refuse a task or model of other sizes than the arguments before it."""
    from attncap.result import Result

    own = value.sizes if isinstance(value, Result) else {}
    shared = sizes.keys() & own.keys()
    if any(sizes[letter] != own[letter] for letter in shared):
        wanted, got = (", ".join(f"{letter} = {of[letter]}" for letter in sorted(shared)) for of in (sizes, own))
        raise InputError(f"{name}: expected {wanted} as in the arguments before it, got {got}")
    sizes.update(own)


def _array(name: str, value: Any, annotation: Any, sizes: dict[str, int]) -> "np.ndarray":
    """Make an array of numbers, whose sizes agree with those of the same letters."""
    import numpy as np

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
