"""``attncap train``: what gradient descent memorizes."""

from pathlib import Path
from typing import Annotated

import typer

from attncap.cli._shared import Force, Json, Seed, answer, work


def train(
    source: Annotated[str, typer.Argument(help="A named table, a .csv/.tsv/.jsonl/.parquet, a .txt, or random:N,S,T.")],
    embedding_dim: Annotated[int, typer.Option(help="Embedding dimension d.")],
    heads: Annotated[int, typer.Option(help="Heads H of each layer.")],
    head_dim: Annotated[int | None, typer.Option(help="Head dimension d_h.  [default: d]")] = None,
    depth: Annotated[int, typer.Option(help="Layers.")] = 1,
    width: Annotated[int, typer.Option(help="Units of each layer's perceptron.")] = 0,
    seeds: Annotated[int, typer.Option(help="Models, from seeds --seed, --seed + 1, ...")] = 5,
    recipe: Annotated[str, typer.Option(help="best, or paper (that of Dana, Pydi and Chevaleyre).")] = "best",
    steps: Annotated[int | None, typer.Option(help="Optimizer steps.  [default: the recipe's]")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw loss, accuracy and bits over the steps (.html, .svg, .pdf, .png).")
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Train an ensemble of models on one task, and count the bits that each memorizes."""
    from attncap import tasks
    from attncap import train as training

    if plot is not None:
        from attncap.plots import check_drawable

        check_drawable(plot, force=force)
    task = tasks.load(source, seed=seed)
    with work(json):
        run = training.ensemble(
            task,
            embedding_dim,
            head_dim,
            heads,
            depth=depth,
            width=width,
            seeds=range(seed, seed + seeds),
            recipe=recipe,
            steps=steps,
        )
    if plot is not None:
        from attncap.plots import save, training_chart

        save(training_chart(run), plot, force=force)
    answer(run, json, run, *([f"\nwritten to {plot}"] if plot else []))
