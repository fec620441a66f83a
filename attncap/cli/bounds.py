"""``attncap bounds``: the catalogue at one shape."""

from typing import Annotated

import typer

from attncap.cli._shared import Json, answer

Constant = Annotated[
    list[str] | None,
    typer.Option("--constant", metavar="ID=VALUE", help="Unknown constant of a bound (repeat for more)."),
]


def bounds(
    vocabulary: Annotated[int, typer.Option(help="Tokens in the vocabulary, N.", min=1)],
    context: Annotated[int, typer.Option(help="Tokens in a context, S.", min=1)],
    embedding_dim: Annotated[int, typer.Option(help="Embedding dimension, d.", min=1)],
    head_dim: Annotated[int, typer.Option(help="Head dimension, d_h.", min=1)],
    heads: Annotated[int, typer.Option(help="Attention heads, H.", min=1)],
    data_rank: Annotated[
        int | None, typer.Option(help="Rank of the token-position vectors in use [default: N + S - 1].", min=1)
    ] = None,
    constant: Constant = None,
    as_json: Json = False,
) -> None:
    """Say what theorems promise or forbid at this shape."""
    from attncap.bounds import evaluate

    found = evaluate(
        heads=heads,
        head_dim=head_dim,
        embedding_dim=embedding_dim,
        vocabulary=vocabulary,
        context=context,
        data_rank=data_rank,
        constants=parse_constants(constant),
    )
    answer(found, as_json)


def parse_constants(words: list[str] | None) -> dict[str, float]:
    """Read ``ID=VALUE`` words."""
    from attncap.errors import InputError

    constants = {}
    for word in words or ():
        id, _, number = word.partition("=")
        try:
            constants[id] = float(number)
        except ValueError:
            raise InputError(f"--constant {word}: expected ID=VALUE, for instance kajitsuka2025=0.5") from None
    return constants
