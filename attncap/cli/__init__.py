"""The command line: one file a command, each importing what it needs only when it runs."""

import json
import os
import sys
from contextlib import suppress
from typing import Annotated, Any

import typer

from attncap.characters import visible
from attncap.cli import sweep
from attncap.cli._shared import AfterAnswer
from attncap.cli.audit import audit
from attncap.cli.bounds import bounds
from attncap.cli.capacity import capacity
from attncap.cli.cite import cite
from attncap.cli.compare import compare
from attncap.cli.dress import apart
from attncap.cli.edit import Facts, edit
from attncap.cli.encode import encode
from attncap.cli.explain import explain
from attncap.cli.explore import explore
from attncap.cli.export import export
from attncap.cli.failures import explain as reason
from attncap.cli.failures import flushed, open_streams, tell, terminable, warned
from attncap.cli.forget import forget
from attncap.cli.interpolation import interpolation
from attncap.cli.memorize import memorize
from attncap.cli.organism import organism
from attncap.cli.plan import plan
from attncap.cli.recall import recall
from attncap.cli.report import report
from attncap.cli.reproduce import reproduce
from attncap.cli.reserves import reserved
from attncap.cli.train import train
from attncap.cli.verify import verify

__all__ = ["app", "main"]

COMPLETE = "_ATTNCAP_COMPLETE"

app = typer.Typer(
    name="attncap",
    help="How much attention can memorize: promised, constructed, trained and predicted, in bits.",
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool | None) -> None:
    if asked:
        from attncap import __version__

        typer.echo(f"attncap {__version__}")
        raise typer.Exit


@app.callback()
def attncap(
    version: Annotated[
        bool | None,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show the version."),
    ] = None,
) -> None:
    """How much attention can memorize: promised, constructed, trained and predicted, in bits."""


COMMANDS = (
    *(memorize, recall, verify, report, edit, forget, compare, explain, export, organism),
    *(bounds, plan, encode, train, capacity, interpolation, audit, reproduce, cite, explore),
)
for command in COMMANDS:
    # Given as such, the first line is not cut.
    line = (command.__doc__ or "").split("\n")[0]
    app.command(cls=Facts if command is edit else None, short_help=line)(apart(command))
app.add_typer(sweep.app, name="sweep", short_help=sweep.HELP)


def flags(group: Any, words: list[str]) -> dict[str, str]:
    """Return what the options of the command that runs are called on the terminal."""
    for word in words:
        commands = getattr(group, "commands", {})
        group = commands.get(word) or commands.get("run", group)
    return {one.name: one.opts[0] if one.param_type_name == "option" else one.name.upper() for one in group.params}


def _fail(error: BaseException, words: list[str], group: Any) -> int:
    """Say what failed, and return the exit code."""
    # What follows -- is no option.
    as_json = "--json" in words[: words.index("--") if "--" in words else None]
    if isinstance(error, AfterAnswer) and error.__cause__:
        error, as_json = error.__cause__, False
    if isinstance(error, typer.Exit | SystemExit):
        code = error.exit_code if isinstance(error, typer.Exit) else error.code
        return code if isinstance(code, int) else int(code is not None)
    message, code = reason(error, flags(group, words))
    line = visible(" ".join(message.split()))
    tell(error)
    if line:
        with suppress(OSError):
            if as_json:
                print(json.dumps({"error": line}, ensure_ascii=False))
            print(f"attncap: {line}", file=sys.stderr, flush=True)
    return code


def main(arguments: list[str] | None = None) -> None:
    """Run one command: exit 0 done, 1 the request could not be met, 2 bad input, one line each.

    An interrupt exits with 130, a reader that closed the pipe with 141, as a shell would say.

    Args:
        arguments: the words after ``attncap``; those of the shell by default.
    """
    words = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    group = typer.main.get_command(app)
    if COMPLETE in os.environ:
        group.main(prog_name="attncap")
    open_streams()
    code = 0
    try:
        # Not group.main, which has its own ways to end.
        with terminable(), reserved(), warned(), group.make_context("attncap", list(words)) as context:
            group.invoke(context)
    except BaseException as error:
        code = _fail(error, words, group)
    if (fault := flushed()) and not code:
        code = _fail(fault, [], group)
    sys.exit(code)
