"""``attncap report``: one self-contained page about what was memorized."""

from pathlib import Path
from typing import Annotated

import typer

from attncap.cli._shared import Force, Json, answer, say_unchecked


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `attncap memorize --out` wrote.")],
    out: Annotated[Path | None, typer.Option(help="The page.  [default: DIR/report.html]")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write one HTML page (no network): what was memorized, the capacity check, every fact with its answer."""
    from attncap import report

    path = report.write(directory, out, force=force)
    say_unchecked(directory)
    answer({"path": str(path)}, json, f"report: {path}")
