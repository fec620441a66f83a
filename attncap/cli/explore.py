"""``attncap explore``: a page on this machine to size, memorize, ask, change and forget."""

from pathlib import Path
from typing import Annotated

import typer

from attncap.cli._shared import AfterAnswer, Force, Json, answer
from attncap.errors import InputError


def explore(
    static: Annotated[Path | None, typer.Option(help="Write the page that needs no server here, and end.")] = None,
    port: Annotated[int, typer.Option(help="Port of the page on 127.0.0.1; 0 takes a free one.")] = 0,
    dir: Annotated[
        Path | None, typer.Option(help="Keep tables and memories here.  [default: a directory that is removed]")
    ] = None,
    open: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Serve a page on this machine: move a shape, memorize a table, ask it, change and forget its facts."""
    from attncap import explore

    if static is not None:
        if dir is not None or open or port:
            raise InputError("static", "no port, dir or open beside it", "one of them")
        path = explore.write_static(static, force=force)
        answer({"path": str(path)}, json, f"explorer: {path}")
        return

    def started(url: str, directory: Path) -> None:
        kept = "everything is kept in" if dir else "until Ctrl-C, everything is in"
        answer({"url": url, "path": str(directory)}, json, f"explorer: {url}", f"{kept} {directory}")
        if open:
            import webbrowser

            webbrowser.open(url)

    try:
        explore.serve(port=port, directory=dir, started=started)
    except KeyboardInterrupt as error:
        # The one object that a program gets was the address.
        raise AfterAnswer from error
