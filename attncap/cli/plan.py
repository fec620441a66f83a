"""``attncap plan``: the smallest shapes that hold a task."""

from pathlib import Path
from typing import Annotated, Any

import typer

from attncap.cli._shared import Force, Json, answer
from attncap.cli.bounds import Constant


def plan(
    source: Annotated[
        str | None, typer.Argument(help="A task; or give --associations, --vocabulary, --context.")
    ] = None,
    associations: Annotated[int | None, typer.Option(help="Associations to memorize, T.", min=1)] = None,
    vocabulary: Annotated[int | None, typer.Option(help="Tokens in the vocabulary, N.", min=1)] = None,
    context: Annotated[int | None, typer.Option(help="Tokens in a sequence, S.", min=1)] = None,
    embedding_dim: Annotated[int | None, typer.Option(help="Fix the embedding dimension, d.", min=1)] = None,
    head_dim: Annotated[int | None, typer.Option(help="Fix the head dimension, d_h.", min=1)] = None,
    constant: Constant = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw parameters against associations (.html, .svg, .pdf, .png).")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Find the smallest shapes that hold a task, per method, by parameters."""
    from attncap import bounds
    from attncap.cli.bounds import parse_constants
    from attncap.errors import InputError

    numbers: dict[str, Any] = {"associations": associations, "vocabulary": vocabulary, "context": context}
    if source is None and (missing := [f"--{name}" for name, given in numbers.items() if given is None]):
        raise InputError(f"plan: expected a SOURCE, or {', '.join(missing)} as well")
    if source is not None and any(numbers.values()):
        raise InputError(f"{source}: expected a SOURCE or --associations, --vocabulary and --context, got both")
    if plot is not None:
        from attncap.plots import check_drawable

        check_drawable(plot, force=force)
    task = None
    if source is not None:
        from attncap import tasks

        task = tasks.load(source)
    dims = {"embedding_dim": embedding_dim, "head_dim": head_dim}
    plans = bounds.plan(task, **numbers, **dims, constants=parse_constants(constant))
    if plot is not None:
        from attncap.plots import plan_chart, save

        save(plan_chart(plans), plot, force=force)
    answer(plans, as_json)
