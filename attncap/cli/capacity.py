"""``attncap capacity``: the most that one shape memorizes, by bracketing search."""

from typing import Any

from attncap.cli._shared import Json, answer, work
from attncap.cli.dress import dressed
from attncap.commands import capacity as shelf


@dressed(shelf.capacity)
def capacity(options: dict[str, Any], json: Json = False) -> None:
    """Find the largest number of random items that a shape memorizes."""
    with work(json):
        found = shelf.capacity(**options)
    answer(found, json)
