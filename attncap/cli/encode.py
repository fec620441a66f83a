"""``attncap encode``: how near logits of rank d can come to next-token distributions."""

from typing import Annotated

import typer

from attncap.cli._shared import Json, Seed, answer, work


def encode(
    source: Annotated[
        str, typer.Argument(help="An .npz with `pi` (T,N), a .txt, kjv, wikipedia, or a table with conflicts.")
    ],
    embedding_dim: Annotated[int, typer.Option(help="Embedding dimension d.")],
    context: Annotated[int | None, typer.Option(help="Tokens before the next one (text).  [default: 2]")] = None,
    vocabulary: Annotated[
        int | None, typer.Option(help="Keep the most frequent tokens (text).  [default: all]")
    ] = None,
    starts: Annotated[int | None, typer.Option(help="Starts of the descent.  [default: 3, for large tasks 1]")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Find the optimal rank-d sequence encoder: no transformer of embedding dimension d comes nearer."""
    from attncap import construct, tasks

    task = tasks.load_distributions(source, context=context, vocabulary=vocabulary)
    with work(json):
        encoder = construct.encode(task, embedding_dim, starts=starts, seed=seed)
    answer(encoder, json, *task.notes, encoder)
