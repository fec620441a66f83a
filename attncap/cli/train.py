"""``attncap train``: what gradient descent memorizes."""

from typing import Annotated, Any

import typer

from attncap.cli._shared import Force, Json, Plot, answer, check_plot, draw, within, work
from attncap.cli.dress import dressed
from attncap.commands import train as shelf


@dressed(shelf.train_one)
def train(
    options: dict[str, Any],
    seeds: Annotated[int, typer.Option(help="Models, from --seed, --seed + 1, ...", callback=within("seeds"))] = 5,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Train an ensemble of models on one task, and count the bits that each memorizes."""
    check_plot(plot, force=force)
    with work(json):
        run = shelf.ensemble(seeds, **options)

    def chart() -> Any:
        from attncap.plots import training_chart

        return training_chart(run)

    answer(run, json, write=lambda: draw(plot, chart, force=force))
