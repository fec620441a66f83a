"""``attncap capacity``: the most that one shape memorizes, by bracketing search."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from attncap.cli._shared import Json, Seed, answer, work
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.construct import ExamplesCapacity


class Kind(StrEnum):
    """What is memorized."""

    examples = "examples"


def capacity(
    kind: Annotated[Kind, typer.Option(help="What is memorized.")],
    heads: Annotated[int, typer.Option(help="Heads H.")],
    embedding_dim: Annotated[int, typer.Option(help="Embedding dimension d.")] = 64,
    head_dim: Annotated[int | None, typer.Option(help="Head dimension d_h.  [default: d]")] = None,
    context: Annotated[int | None, typer.Option(help="Vectors in a context, n.")] = None,
    method: Annotated[str, typer.Option(help="theorem or lstsq.")] = "lstsq",
    shared_context: Annotated[bool, typer.Option("--shared-context", help="One context for all examples.")] = False,
    seeds: Annotated[int, typer.Option(help="How many tasks and models to draw.")] = 3,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Find the largest number of random items that a shape memorizes."""
    with work(json):
        found = _examples(heads, context, embedding_dim, head_dim, method, shared_context, seeds, seed)
    answer(found, json)


def _examples(
    heads: int,
    context: int | None,
    embedding_dim: int,
    head_dim: int | None,
    method: str,
    shared: bool,
    seeds: int,
    seed: int,
) -> "ExamplesCapacity":
    from attncap import construct

    if context is None:
        raise InputError("--kind examples: expected --context, the number of vectors in a context")
    return construct.examples_capacity(
        heads, context, embedding_dim, head_dim, method=method, shared=shared, seeds=seeds, seed=seed
    )
