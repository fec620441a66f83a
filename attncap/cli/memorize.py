"""``attncap memorize``: weights that recall a table, a text or a random task."""

from pathlib import Path
from typing import Annotated, Any

import typer

from attncap.cli._shared import Force, Json, answer, work
from attncap.cli.dress import dressed
from attncap.commands import memorize as shelf


@dressed(shelf.memorize)
def memorize(
    options: dict[str, Any],
    out: Annotated[Path, typer.Option(help="Directory to write.")],
    force: Force = False,
    json: Json = False,
) -> None:
    """Memorize a table of facts, a text or a random task: write weights that recall all of it."""
    from attncap import archive
    from attncap.files import check_free

    check_free(out, force=force, directory=True)
    with work(json):
        fit = shelf.memorize(**options)
    answer(fit, json, write=lambda: archive.write(fit, out, force=force))
