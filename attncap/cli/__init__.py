"""The command line: one file a command, each importing what it needs only when it runs."""

import json
import sys
from typing import Any

import typer

from attncap.cli import sweep
from attncap.cli.bounds import bounds
from attncap.cli.capacity import capacity
from attncap.cli.cite import cite
from attncap.cli.encode import encode
from attncap.cli.interpolation import interpolation
from attncap.cli.memorize import memorize
from attncap.cli.plan import plan
from attncap.cli.recall import recall
from attncap.cli.report import report
from attncap.cli.reproduce import reproduce
from attncap.cli.train import train
from attncap.errors import InputError, UnmetError

__all__ = ["app", "main"]

INTERRUPTED = 130
# An unknown option, a missing argument: Typer has no public name for the base of these.
USAGE: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

app = typer.Typer(
    name="attncap",
    help="How much attention can memorize: promised, constructed, trained and predicted, in bits.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (memorize, recall, report, bounds, plan, encode, train, capacity, interpolation, reproduce, cite):
    app.command()(command)
app.add_typer(sweep.app, name="sweep")


def _fail(message: str, code: int, as_json: bool) -> None:
    line = " ".join(message.split())
    if as_json:
        print(json.dumps({"error": line}, ensure_ascii=False))
    print(f"attncap: {line}", file=sys.stderr)
    sys.exit(code)


def flags(group: Any, words: list[str]) -> dict[str, str]:
    """Return what the options of the command that runs are called on the terminal."""
    for word in words:
        commands = getattr(group, "commands", {})
        group = commands.get(word) or commands.get("run", group)
    return {one.name: one.opts[0] if one.param_type_name == "option" else one.name.upper() for one in group.params}


def main(arguments: list[str] | None = None) -> None:
    """Run one command: exit 0 done, 1 the request could not be met, 2 bad input, one line each.

    Args:
        arguments: the words after ``attncap``; those of the shell by default.
    """
    words = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    as_json = "--json" in words
    group = typer.main.get_command(app)
    try:
        code = group.main(words, prog_name="attncap", standalone_mode=False) or 0
    except InputError as error:
        known = flags(group, words)
        _fail(error.naming(known[error.option]) if error.option in known else str(error), error.exit_code, as_json)
    except UnmetError as error:
        _fail(str(error), error.exit_code, as_json)
    except MemoryError as error:
        _fail(f"not enough memory ({error}); choose a smaller task or shape", 1, as_json)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except USAGE as error:
        _fail(error.format_message(), 2, as_json)
    # Some versions of Typer turn Ctrl-C into this exit code by themselves.
    if code == INTERRUPTED:
        _fail("interrupted; nothing was written", code, as_json)
    sys.exit(code)
