"""What a sweep can run: a function of one cell, and perhaps one of many."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def _together(parameters: Mapping[str, Any]) -> Any:
    return ""


@dataclass(frozen=True)
class Command:
    """A function that runs one cell and, where it can, one that runs many of one compiled shape.

    Packing must not change a number, so a pack always has ``pack_size`` cells (a shorter one is filled
    up with its last cell): a cell alone and a cell in company run the same compiled program.

    Args:
        function: takes the options of a cell as keywords (and ``seed``, if it draws anything) and
            returns a `Result` or a mapping of JSON's types.
        pack: takes a list of ``pack_size`` such options and returns their results in order.
        pack_key: cells for which it returns the same JSON value may share a pack (a shape to compile).
        pack_size: cells in a pack.
    """

    function: Callable[..., Any]
    pack: Callable[[list[dict[str, Any]]], Sequence[Any]] | None = None
    pack_key: Callable[[dict[str, Any]], Any] = _together
    pack_size: int = 8
