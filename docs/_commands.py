"""The page of the command line: what `attncap COMMAND --help` prints, for every command."""

import re
from collections.abc import Iterator
from typing import Any

import click
from typer.main import get_command

from attncap.cli import app

HERE = "::: commands"
WIDTH = 88


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Show the help of every command."""
    return markdown.replace(HERE, "\n\n".join(shown())) if HERE in markdown else markdown


def shown(words: str = "attncap", command: Any = None) -> Iterator[str]:
    """Yield a command's heading and help, then those of the commands below it."""
    command = command or get_command(app)
    with click.Context(command, info_name=words, max_content_width=WIDTH, terminal_width=WIDTH) as context:
        text = re.sub(r" +$", "", command.get_help(context), flags=re.MULTILINE)
    if words != "attncap":
        yield f"## {words}\n\n```text\n{text}\n```"
    for name, below in getattr(command, "commands", {}).items():
        yield from shown(f"{words} {name}", below)
