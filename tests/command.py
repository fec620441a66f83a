"""The command line, in this process."""

import pytest

from attncap.cli import main


def run(capsys, *words):
    """Return a command's exit code and what it printed on stdout and stderr."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    return stopped.value.code or 0, *capsys.readouterr()
