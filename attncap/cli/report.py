"""``attncap report``: one self-contained page about a directory of results."""

from pathlib import Path
from typing import Annotated

import typer

from attncap.cli._shared import Force, Json, answer, say_unchecked


def report(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="What a command wrote: a memory, organisms, an audit, a sweep or reproduced figures."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="The page.  [default: DIR/report.html]")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write one HTML page (no network) about a directory of results: what it holds, how sure, at what cost."""
    from attncap import models, report

    path = report.write(directory, out, force=force)
    if (directory / models.FILE).exists():
        say_unchecked(directory)
    answer({"path": str(path)}, json, f"report: {path}")
