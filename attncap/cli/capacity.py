"""``attncap capacity``: the largest task that a shape memorizes."""

from enum import StrEnum
from typing import Annotated

import typer

from attncap.cli._shared import Json, Seed, answer, work
from attncap.cli.memorize import Precision


class Kind(StrEnum):
    """What is memorized."""

    associations = "associations"


class Method(StrEnum):
    """How weights are found."""

    theorem = "theorem"
    margin = "margin"


def capacity(
    vocabulary: Annotated[int, typer.Option(help="Tokens in the vocabulary, N.", min=2)],
    context: Annotated[int, typer.Option(help="Tokens in a sequence, S.", min=1)],
    embedding_dim: Annotated[int, typer.Option(help="Embedding dimension d.")],
    heads: Annotated[int, typer.Option(help="Heads H.")],
    head_dim: Annotated[int | None, typer.Option(help="Head dimension d_h.  [default: d]")] = None,
    kind: Annotated[Kind, typer.Option(help="What is memorized.")] = Kind.associations,
    method: Annotated[Method, typer.Option(help="How the weights are found.")] = Method.margin,
    train_attention: Annotated[
        bool, typer.Option("--train-attention", help="Margin mode: where the readout falls short, train all weights.")
    ] = False,
    dtype: Annotated[Precision, typer.Option(help="Type of weights whose recall must be exact.")] = Precision.float32,
    seeds: Annotated[int, typer.Option(help="Searches, each with its own draws.", min=1)] = 3,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Search the largest number of random associations that a shape memorizes."""
    from attncap import construct

    with work(json):
        found = construct.capacity(
            vocabulary,
            context,
            embedding_dim,
            head_dim,
            heads,
            method=method.value,
            dtype=dtype.value,
            seeds=seeds,
            seed=seed,
            train_attention=train_attention,
        )
    answer(found, json)
