"""``attncap memorize``: weights that recall a table, a text or a random task."""

from pathlib import Path
from typing import Annotated, Any

import typer

from attncap.cli._shared import Force, Json, Plot, answer, check_plot, draw, work
from attncap.cli.dress import dressed
from attncap.cli.failures import INTERRUPTED
from attncap.commands import memorize as shelf
from attncap.errors import InputError


@dressed(shelf.memorize)
def memorize(
    options: dict[str, Any],
    out: Annotated[Path, typer.Option(help="Directory to write.")],
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Memorize a table of facts, a text or a random task: write weights that recall all of it."""
    from attncap.files import check_free
    from attncap.fits import Fit

    places = (out / "attention", out / "perceptron") if options["layer"] == "both" else (out,)
    for place in places:
        check_free(place, force=force, directory=True)
    if plot is not None and not options["smallest"]:
        raise InputError("plot", "--smallest, whose front it draws", "no --smallest")
    check_plot(plot, force=force)
    with work(json):
        fit = shelf.memorize(**options)

    def write() -> Path:
        from attncap.plots import front_chart

        if isinstance(fit, Fit):
            draw(plot, lambda: front_chart(fit), force=force)
        return shelf.write(fit, out, force=force)

    answer(fit, json, write=write)
    if isinstance(fit, Fit) and fit.details.get("interrupted"):
        typer.echo("attncap: interrupted; the best so far is written", err=True)
        raise typer.Exit(INTERRUPTED)
