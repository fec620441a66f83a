"""What every result can do: print itself as a short table, become a dict (the JSON) and a polars row."""

import dataclasses
import math
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType

LONG = 8  # numbers that a repr still shows
WIDE = 60  # characters of a field that it shows


def hidden(**options: Any) -> Any:
    """Declare a dataclass field that stays out of the dict, the row, the table and the repr (weights, raw arrays)."""
    return dataclasses.field(metadata={"hidden": True}, repr=False, **options)


def plain(value: Any) -> Any:
    """Turn a result into JSON's types: dataclasses to dicts, arrays to lists, non-finite numbers to None.

    Example:
        >>> import numpy as np
        >>> plain({"margin": np.float32(0.5), "heads": np.arange(2), "kl": float("nan")})
        {'margin': 0.5, 'heads': [0, 1], 'kl': None}
    """
    if isinstance(value, Result):
        return value.to_dict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if not f.metadata.get("hidden")
        }
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if _is_of(value, "numpy", "ndarray", "generic"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def not_finite(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the name and value of every number that JSON would lose.

    Example:
        >>> list(not_finite({"kl": [0.5, float("nan")], "shape": {"rho": float("inf")}}))
        [('kl[1]', nan), ('shape.rho', inf)]
    """
    if dataclasses.is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if not f.metadata.get("hidden")}
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from not_finite(item, f"{name}.{key}" if name else str(key))
    elif _is_of(value, "numpy", "ndarray"):
        yield from not_finite(value.tolist(), name)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from not_finite(item, f"{name}[{index}]")
    elif (isinstance(value, float) or _is_of(value, "numpy", "floating")) and not math.isfinite(value):
        yield name, value


def several(count: int, noun: str, verb: str = "") -> str:
    """Count things in words, perhaps with what they do.

    Example:
        >>> several(1, "head"), several(2500, "association")
        ('1 head', '2,500 associations')
        >>> several(1, "head", "hold"), several(2, "head", "hold")
        ('1 head holds', '2 heads hold')
    """
    doing = f" {verb}{'s' * (count == 1)}" if verb else ""
    return f"{count:,} {noun}{'s' * (count != 1)}{doing}"


def same(one: Any, other: Any) -> bool:
    """Tell whether two things are alike: arrays by type, shape and every number, NaN equal to itself.

    Dataclasses of one class are alike if their fields are, mappings if their items are, lists and tuples if their
    members are; whatever else if it is equal.

    Args:
        one: anything.
        other: anything.

    Example:
        >>> import numpy as np
        >>> same({"kl": np.array([1.0, np.nan])}, {"kl": np.array([1.0, np.nan])})
        True
        >>> same(np.zeros(2), np.zeros(3)), same(np.zeros(2), np.zeros(2, np.float32)), same([1], (1,))
        (False, False, False)
    """
    one, other = _number(one), _number(other)
    if one is other:
        return True
    if _is_array(one) or _is_array(other):
        return _is_array(one) and _is_array(other) and _same_arrays(one, other)
    if _is_dataclass(one) and type(one) is type(other):
        return same(_compared(one), _compared(other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(item, other[key]) for key, item in one.items())
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other or (one != one and other != other))


def fingerprint(thing: Any) -> int:
    """Return a number that is the same for things that `same` finds alike, and hardly ever for others.

    Example:
        >>> import numpy as np
        >>> fingerprint([0.0, np.array([np.nan])]) == fingerprint([-0.0, np.array([-np.nan])])
        True
        >>> fingerprint(np.arange(3)) == fingerprint(np.arange(3)[::-1])
        False
    """
    thing = _number(thing)
    if _is_array(thing):
        import numpy as np

        array = np.asarray(thing)
        # Zeros of both signs are equal, and so are all NaN here.
        settled = np.where(array != array, np.nan, array + 0) if array.dtype.kind in "fcV" else array
        return hash((array.dtype.name, array.shape, settled.tobytes()))
    if _is_dataclass(thing):
        return hash((type(thing), fingerprint(_compared(thing))))
    if isinstance(thing, Mapping):
        return hash(frozenset((key, fingerprint(item)) for key, item in thing.items()))
    if isinstance(thing, list | tuple):
        return hash((type(thing), *map(fingerprint, thing)))
    return hash(thing if thing == thing else "nan")


def _short(value: Any) -> str:
    """Return the repr of a field: of an array with many numbers its type and shape."""
    if _is_array(value) and value.size > LONG:
        return f"{value.dtype.name}{list(value.shape)}"
    line = repr(_number(value))
    return line if len(line) <= WIDE else f"{line[: WIDE - 3]}..."


def _number(thing: Any) -> Any:
    """Make a NumPy scalar a number of Python's, which no list or array equals element by element."""
    return thing.item() if _is_of(thing, "numpy", "generic") else thing


def _is_array(thing: Any) -> bool:
    return _is_of(thing, "numpy", "ndarray") or _is_of(thing, "jax", "Array")


def _is_of(thing: Any, module: str, *names: str) -> bool:
    # No module is imported for this: where it is not, there is nothing of its.
    known = sys.modules.get(module)
    return known is not None and isinstance(thing, tuple(getattr(known, name) for name in names))


def _is_dataclass(thing: Any) -> bool:
    return dataclasses.is_dataclass(thing) and not isinstance(thing, type)


def _same_arrays(one: Any, other: Any) -> bool:
    import numpy as np

    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(((one == other) | ((one != one) & (other != other))).all())


def _compared(thing: Any) -> dict[str, Any]:
    return {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing) if field.compare}


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Join nested keys with dots.

    Example:
        >>> flatten({"shape": {"heads": 3}, "seconds": 1.5})
        {'shape.heads': 3, 'seconds': 1.5}
    """
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


class Result:
    """Mixin for frozen dataclasses that a computation returns: equal are those of one class whose fields are `same`."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # A dataclass gets methods of its own unless it has them; these hold for every result.
        for name in ("__eq__", "__hash__", "__repr__"):
            setattr(cls, name, getattr(cls, name))

    def __eq__(self, other: object) -> bool:
        return same(_compared(self), _compared(other)) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return fingerprint(self)

    def __repr__(self) -> str:
        shown = (field.name for field in dataclasses.fields(self) if field.repr)  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(f'{name}={_short(getattr(self, name))}' for name in shown)})"

    @property
    def cites(self) -> tuple[str, ...]:
        """Ids of bounds, names of methods and keys of sources that this result rests on: see `attncap.citation`."""
        return ("attncap",)

    @property
    def sizes(self) -> Mapping[str, int]:
        """The sizes by letter that must agree where it meets others: N and S of models and tasks."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of this result (hidden fields left out)."""
        return {
            field.name: plain(getattr(self, field.name))
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if not field.metadata.get("hidden")
        }

    def to_row(self) -> "pl.DataFrame":
        """Return one polars row, nested keys joined with dots."""
        import polars as pl

        return pl.DataFrame([flatten(self.to_dict())])

    def __rich__(self) -> "RenderableType":
        from attncap.terminal import Rows

        table = Rows()
        for key, value in flatten(self.to_dict()).items():
            if value is None:
                continue
            table.add_row(key, f"{value:.6g}" if isinstance(value, float) else str(value))
        return table

    def __str__(self) -> str:
        from attncap.terminal import shown

        return shown(self, width=120)

    def _repr_html_(self) -> str:
        """Return the table as HTML, for a notebook."""
        from attncap.terminal import as_html

        return as_html(self)


__all__ = ["Result", "fingerprint", "flatten", "hidden", "plain", "same", "several"]


def __dir__() -> list[str]:
    """Return what completion offers: nothing that is imported here."""
    return __all__
