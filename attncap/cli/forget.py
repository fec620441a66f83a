"""``attncap forget``: forget facts of written weights, and show what is left of them."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from attncap.cli._shared import Directory, Force, Json, answer, say_unchecked, work
from attncap.cli.dress import dressed
from attncap.commands import forget as shelf


@dressed(shelf.forget)
def forget(
    options: dict[str, Any],
    directory: Directory,
    words: Annotated[list[str] | None, typer.Argument(help="SUBJECT, all of it, or SUBJECT RELATION.")] = None,
    file: Annotated[Path | None, typer.Option(help="The facts of a table, or of a task.parquet.")] = None,
    gold: Annotated[Path | None, typer.Option(help="Directory for the memory made without the facts.")] = None,
    out: Annotated[Path | None, typer.Option(help="Directory to write.  [default: DIR itself, in one step]")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Forget facts: closed form, descent and memorizing again, side by side; the folder forgets them too."""
    from attncap import memory
    from attncap.files import changing, check_apart, check_free

    def write() -> Path:
        if gold is not None:
            memory.save_gold(found, gold, force=force)
        return memory.save(found, out, force=force)

    with nullcontext() if out else changing(directory):
        check_free(out or directory, force=force or out is None, directory=True)
        if gold is not None:
            check_apart({"gold": gold, "out": out or directory}, {})
            check_free(gold, force=force, directory=True)
        with work(json):
            found = shelf.forget(directory=directory, words=words, file=file, **options)
        say_unchecked(directory)
        answer(found, json, write=write)
