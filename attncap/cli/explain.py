"""``attncap explain``: which head writes which fact."""

from typing import Annotated, Any

import typer

from attncap.cli._shared import Directory, Force, Json, Plot, answer, check_plot, draw, say_unchecked
from attncap.cli.dress import dressed
from attncap.commands import explain as shelf


@dressed(shelf.explain)
def explain(
    options: dict[str, Any],
    directory: Directory,
    words: Annotated[list[str], typer.Argument(help="SUBJECT RELATION, or the tokens of a sequence.")],
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Show which part of the weights writes a fact: the share of its margin of the skip connection and each head."""
    check_plot(plot, force=force)
    found = shelf.explain(directory=directory, words=words)
    say_unchecked(directory)

    def chart() -> Any:
        from attncap.plots import attribution_chart

        return attribution_chart(found)

    answer(found, json, write=lambda: draw(plot, chart, force=force))
