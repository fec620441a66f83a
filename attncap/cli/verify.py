"""``attncap verify``: whether a memory still is what was written."""

from pathlib import Path
from typing import Annotated

import typer

from attncap.cli._shared import AfterAnswer, Json, answer, say_unchecked, work
from attncap.errors import UnmetError
from attncap.result import several


def verify(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `attncap memorize --out` wrote.")],
    json: Json = False,
) -> None:
    """Check a memory again: its files by their hashes, the recall of the whole task, and the certificate."""
    from attncap.commands.verify import verify

    with work(json):
        found = verify(directory)
    answer(found, json)
    if found.differences:
        raise AfterAnswer from UnmetError(f"{directory}: {several(len(found.differences), 'difference')}")
    say_unchecked(directory)
