"""``attncap memorize``: weights that recall a table, a text or a random task."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from attncap.cli._shared import Force, Json, Seed, answer, work


class Method(StrEnum):
    """How weights are found."""

    theorem = "theorem"
    margin = "margin"
    train = "train"


class Precision(StrEnum):
    """Types that weights are stored in."""

    float64 = "float64"
    float32 = "float32"
    bfloat16 = "bfloat16"


class OnConflict(StrEnum):
    """What to do when one question has two answers."""

    error = "error"
    first = "first"
    distribution = "distribution"


TrainAttention = Annotated[
    bool, typer.Option("--train-attention", help="Margin mode: where the readout falls short, train all weights.")
]


def memorize(
    source: Annotated[str, typer.Argument(help="A named table, a .csv/.tsv/.jsonl/.parquet, a .txt, or random:N,S,T.")],
    out: Annotated[Path, typer.Option(help="Directory to write.")],
    subject: Annotated[str | None, typer.Option(help="Column of the subjects.")] = None,
    relation: Annotated[str | None, typer.Option(help="Column of the relations (long table).")] = None,
    object: Annotated[str | None, typer.Option(help="Column of the answers (long table).")] = None,
    context: Annotated[int | None, typer.Option(help="Tokens before the next one (text).  [default: 2]")] = None,
    on_conflict: Annotated[OnConflict, typer.Option(help="When one question has two answers.")] = OnConflict.error,
    embedding_dim: Annotated[int, typer.Option(help="Embedding dimension d.")] = 64,
    head_dim: Annotated[int | None, typer.Option(help="Head dimension d_h.  [default: d]")] = None,
    heads: Annotated[int | None, typer.Option(help="Heads H.  [default: the fewest that suffice]")] = None,
    method: Annotated[Method, typer.Option(help="How the weights are found.")] = Method.theorem,
    train_attention: TrainAttention = False,
    dtype: Annotated[Precision, typer.Option(help="Type of the weights.")] = Precision.float32,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Memorize a table of facts, a text or a random task: write weights that recall all of it."""
    from attncap import archive, construct, tasks
    from attncap.errors import InputError
    from attncap.files import check_free

    if train_attention and method is not Method.margin:
        raise InputError("--train-attention: applies to --method margin only")
    if on_conflict is OnConflict.distribution and method is not Method.theorem:
        raise InputError("--on-conflict distribution: distributions are stored by --method theorem")
    check_free(out, force=force, directory=True)
    columns: tasks.Columns = {"subject": subject, "relation": relation, "object": object}
    size = (embedding_dim, head_dim, heads)
    fit: construct.Fit
    with work(json):
        if on_conflict is OnConflict.distribution:
            several = tasks.load_distributions(source, context=context, **columns)
            fit = construct.distribution(several, *size, dtype=dtype.value, seed=seed)
        else:
            keep: tasks.Conflicts = "first" if on_conflict is OnConflict.first else "error"
            task = tasks.load(source, context=context, on_conflict=keep, seed=seed, **columns)
            if method is Method.margin:
                fit = construct.margin(task, *size, dtype=dtype.value, seed=seed, train_attention=train_attention)
            elif method is Method.train:
                from attncap import train

                fit = train.memorize(task, *size, dtype=dtype.value, seed=seed)
            else:
                fit = construct.theorem(task, *size, dtype=dtype.value, seed=seed)
    archive.write(fit, out, force=force)
    answer(fit, json, fit, f"\nwritten to {out}")
