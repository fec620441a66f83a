"""The page on bounds shows what the code answers."""

import re
from pathlib import Path

import pytest

from attncap.bounds.markdown import table
from attncap.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "bounds.md"
CONSOLE = re.findall(r"```console\n\$ attncap (.*)\n((?:.*\n)*?)```", PAGE.read_text())


def test_table_is_the_catalogue():
    assert table() in PAGE.read_text()


@pytest.mark.parametrize(("words", "shown"), CONSOLE)
def test_commands_print_what_is_shown(capsys, monkeypatch, words, shown):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main(words.split())
    printed = "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.rstrip().splitlines())
    assert printed == shown


def test_page_shows_commands():
    assert len(CONSOLE) == 2
