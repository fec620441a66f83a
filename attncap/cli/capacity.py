"""``attncap capacity``: the most that one shape memorizes, by bracketing search."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from attncap.cli._shared import Json, Seed, answer, work
from attncap.cli.memorize import Precision, TrainAttention
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.construct import Capacity, ExamplesCapacity


class Kind(StrEnum):
    """What is memorized."""

    associations = "associations"
    examples = "examples"


def capacity(
    kind: Annotated[Kind, typer.Option(help="What is memorized.")],
    heads: Annotated[int, typer.Option(help="Heads H.")],
    embedding_dim: Annotated[int, typer.Option(help="Embedding dimension d.")] = 64,
    head_dim: Annotated[int | None, typer.Option(help="Head dimension d_h.  [default: d]")] = None,
    vocabulary: Annotated[int | None, typer.Option(help="Associations: tokens in the vocabulary, N.", min=2)] = None,
    context: Annotated[int | None, typer.Option(help="Tokens in a sequence, S; vectors in a context, n.")] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="Associations: theorem, [margin] or train; examples: theorem or [lstsq].", show_default=False
        ),
    ] = None,
    train_attention: TrainAttention = False,
    target: Annotated[float, typer.Option(help="With --method train: the accuracy that counts as memorized.")] = 1.0,
    dtype: Annotated[Precision, typer.Option(help="Associations: type whose recall is exact.")] = Precision.float32,
    shared_context: Annotated[bool, typer.Option("--shared-context", help="One context for all examples.")] = False,
    seeds: Annotated[int, typer.Option(help="How many tasks and models to draw.")] = 3,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Find the largest number of random items that a shape memorizes."""
    from attncap.commands import capacity as command

    if kind is Kind.associations and shared_context:
        raise InputError("--shared-context: applies to --kind examples only")
    if kind is Kind.examples and (vocabulary is not None or train_attention or target != 1):
        raise InputError("--vocabulary, --train-attention and --target: apply to --kind associations only")
    found: Capacity | ExamplesCapacity
    with work(json):
        if kind is Kind.associations:
            if vocabulary is None or context is None:
                raise InputError(
                    "--kind associations: expected --vocabulary and --context, the tokens N and S of a sequence"
                )
            found = command.capacity(
                vocabulary=vocabulary,
                context=context,
                embedding_dim=embedding_dim,
                head_dim=head_dim,
                heads=heads,
                method=method or "margin",
                train_attention=train_attention,
                target=target,
                dtype=dtype.value,
                seeds=seeds,
                seed=seed,
            )
        else:
            found = _examples(heads, context, embedding_dim, head_dim, method or "lstsq", shared_context, seeds, seed)
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
        context, embedding_dim, head_dim, heads, method=method, shared=shared, seeds=seeds, seed=seed
    )
