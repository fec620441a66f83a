"""``attncap export``: the same weights for another runtime."""

from pathlib import Path
from typing import Annotated, Any

import typer

from attncap.cli._shared import Directory, Force, Json, answer, say_unchecked, work
from attncap.cli.dress import dressed
from attncap.commands import export as shelf


@dressed(shelf.export)
def export(
    options: dict[str, Any],
    directory: Directory,
    out: Annotated[Path, typer.Option(help="A directory, for onnx a file.")],
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a memory for TransformerLens, PyTorch or ONNX, and ask that runtime for every fact."""
    with work(json):
        found = shelf.export(directory=directory, out=out, force=force, **options)
    say_unchecked(directory)
    answer(found, json)
