"""``attncap recall``: ask weights that were written."""

from pathlib import Path
from typing import Annotated

import typer

from attncap.cli._shared import AfterAnswer, Json, answer, say_unchecked
from attncap.errors import InputError, UnmetError


def recall(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `attncap memorize --out` wrote.")],
    tokens: Annotated[list[str] | None, typer.Argument(help="SUBJECT RELATION, or the tokens of a sequence.")] = None,
    file: Annotated[Path | None, typer.Option(help="Ask everything in a table, a text or a task.parquet.")] = None,
    subject: Annotated[str | None, typer.Option(help="Column of the subjects in --file.")] = None,
    relation: Annotated[str | None, typer.Option(help="Column of the relations in --file.")] = None,
    object: Annotated[str | None, typer.Option(help="Column of the answers in --file.")] = None,
    context: Annotated[
        int | None, typer.Option(help="Tokens before the next in a text; as memorized by default.")
    ] = None,
    on_conflict: Annotated[
        str, typer.Option(help="Two answers to one question: error, or first, which counts.")
    ] = "error",
    json: Json = False,
) -> None:
    """Ask the written weights one question, or all the questions of a file."""
    from attncap import archive, tasks

    if bool(tokens) == (file is not None):
        raise InputError("recall: expected either TOKENs or --file, " + ("got both" if tokens else "got neither"))
    memory = archive.read(directory)
    say_unchecked(directory)
    if file is None:
        answer(memory.ask(tokens or []), json)
        return
    kept: tasks.Conflicts = "first" if on_conflict == "first" else "error"
    if on_conflict != kept:
        raise InputError("on_conflict", "error or first", on_conflict)
    if context is None and tasks.kind_of(file) == "text":
        context = memory.task.context
    asked = tasks.load(str(file), subject=subject, relation=relation, object=object, context=context, on_conflict=kept)
    found = memory.examine(asked)
    answer(found, json)
    if found.misses:
        raise AfterAnswer from UnmetError(f"{file}: recalled {found.correct:,} of {found.asked:,}")
