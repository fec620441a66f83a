"""What every result can do: print itself as a short table, become a dict (the JSON) and a polars row."""

import dataclasses
import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType


def hidden(**options: Any) -> Any:
    """Declare a dataclass field that stays out of the dict, the row and the table (weights, raw arrays)."""
    return dataclasses.field(metadata={"hidden": True}, repr=False, compare=False, **options)


def plain(value: Any) -> Any:
    """Turn a result into JSON's types: dataclasses to dicts, arrays to lists, non-finite numbers to None.

    Example:
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
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


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
    """Mixin for frozen dataclasses that a computation returns."""

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
        from rich.table import Table

        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for key, value in flatten(self.to_dict()).items():
            table.add_row(key, f"{value:.6g}" if isinstance(value, float) else str(value))
        return table

    def __str__(self) -> str:
        from rich.console import Console

        text = io.StringIO()
        Console(file=text, width=120).print(self)
        return text.getvalue().rstrip()
