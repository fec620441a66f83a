"""``attncap organism``: sets of memories with known ground truth."""

from pathlib import Path
from typing import Annotated, Any

import typer

from attncap.cli._shared import Force, Json, answer, work
from attncap.cli.dress import dressed
from attncap.commands import organism as shelf


@dressed(shelf.organism)
def organism(
    options: dict[str, Any],
    spec: Annotated[Path, typer.Argument(metavar="SPEC.toml", help="Sources, methods, shapes, seeds, forget sets.")],
    out: Annotated[Path, typer.Option(help="Directory to write.")],
    force: Force = False,
    json: Json = False,
) -> None:
    """Write sets of memories with known ground truth: full, without each forget set, and random twins."""
    from attncap.files import check_free

    check_free(out, force=force, directory=True)
    with work(json):
        found = shelf.organism(spec, out=out, force=force)
    answer(found, json)
