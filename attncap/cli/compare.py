"""``attncap compare``: two memories, fact by fact and in bits."""

from pathlib import Path
from typing import Annotated, Any

import typer

from attncap.cli._shared import Directory, Json, answer
from attncap.cli.dress import dressed
from attncap.commands import compare as shelf


@dressed(shelf.compare)
def compare(
    options: dict[str, Any],
    directory: Directory,
    other: Annotated[Path, typer.Argument(metavar="DIR2", help="The second.")],
    facts: Annotated[Path | None, typer.Option(help="The questions of a table or a task.parquet.")] = None,
    json: Json = False,
) -> None:
    """Compare two memories, fact by fact and in bits."""
    answer(shelf.compare(directory=directory, other=other, facts=facts, **options), json)
