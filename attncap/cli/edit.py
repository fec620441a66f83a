"""``attncap edit``: change and add facts in written weights."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from attncap.cli._shared import Directory, Force, Json, answer, say_unchecked, work
from attncap.cli.dress import dressed
from attncap.commands import edit as shelf
from attncap.errors import InputError

FLAG = "--set"
# Between the words of one fact on their way through the parser, which takes one value an option.
BETWEEN = "\x1f"


class Facts(TyperCommand):
    """Reads ``--set SUBJECT RELATION OBJECT`` as one value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join the three words after every ``--set``."""
        joined, rest = [], list(args)
        while rest:
            joined.append(rest.pop(0))
            if joined[-1] == FLAG:
                fact, rest = rest[:3], rest[3:]
                if len(fact) < 3 or any(word.startswith("--") for word in fact):
                    expected = "SUBJECT RELATION OBJECT (words that begin with two dashes come from a file)"
                    raise InputError("set", expected, " ".join(fact))
                joined.append(BETWEEN.join(fact))
        return super().parse_args(ctx, joined)


Set = Annotated[
    list[str] | None,
    typer.Option(FLAG, metavar="SUBJECT RELATION OBJECT", help="A fact that is to hold; repeat it for more."),
]


@dressed(shelf.edit)
def edit(
    options: dict[str, Any],
    directory: Directory,
    set: Set = None,
    file: Annotated[Path | None, typer.Option(help="The facts of a table, or of a task.parquet.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the last change.")] = False,
    out: Annotated[Path | None, typer.Option(help="Directory to write.  [default: DIR itself, in one step]")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Change, correct and add facts in written weights; every other fact is kept, or nothing is written."""
    from attncap import memory
    from attncap.files import changing, check_free

    with nullcontext() if out else changing(directory):
        if undo:
            if set or file:
                raise InputError("edit: expected undo alone, got facts beside it")
            was = memory.undone(directory, out, force=force)
            said = {"path": str(was.path), "facts": was.task.associations}
            answer(said, json, f"{was.path}: {was.task.associations:,} facts, as before the last change")
            return
        check_free(out or directory, force=force or out is None, directory=True)
        facts = [text.split(BETWEEN) for text in set or []]
        with work(json):
            found = shelf.edit(directory=directory, set=facts, file=file, **options)
        say_unchecked(directory)
        # What is as asked for stays as it is, with what an earlier change can be taken back to.
        answer(found, json, write=lambda: memory.save(found, out, force=force) if out or found.facts else None)
