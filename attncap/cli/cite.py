"""``attncap cite``: BibTeX for exactly what was used."""

from typing import Annotated

import typer

from attncap.cli._shared import Json, answer


def cite(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Ids of bounds, methods or sources.")],
    as_json: Json = False,
) -> None:
    """Print BibTeX for bounds and methods."""
    from attncap.bounds import citation

    bibtex = citation(*names)
    answer({"bibtex": bibtex}, as_json, bibtex)
