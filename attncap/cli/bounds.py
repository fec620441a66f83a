"""``attncap bounds``: the catalogue at one shape."""

from typing import Annotated, Any

import typer

from attncap.cli._shared import Json, answer
from attncap.cli.dress import dressed
from attncap.commands import bounds as shelf
from attncap.errors import InputError

Constants = Annotated[
    list[str] | None,
    typer.Option("--constant", metavar="ID=VALUE", help="Unknown constant of a bound (repeat for more)."),
]


@dressed(shelf.bounds)
def bounds(options: dict[str, Any], constants: Constants = None, as_json: Json = False) -> None:
    """Say what theorems promise or forbid at this shape."""
    answer(shelf.bounds(**options, constants=parse_constants(constants)), as_json)


def parse_constants(words: list[str] | None) -> dict[str, float]:
    """Read ``ID=VALUE`` words."""
    constants = {}
    for word in words or ():
        id, _, number = word.partition("=")
        try:
            constants[id] = float(number)
        except ValueError:
            raise InputError("constants", "ID=VALUE, for instance kajitsuka2025=0.5", word) from None
    return constants
