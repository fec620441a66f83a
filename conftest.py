"""The examples of README and docs are tests: Python blocks run, console blocks must print what they show."""

import doctest
import os
import re

# One thread for each of pytest's workers: threads that wait for each other are slower than none.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.example import Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# What is said of time before the work, and by a slow machine while it works.
PROGRESS = re.compile(r"^attncap: .* (after \d+ s|about \d+ \w+ of one core).*\n", re.MULTILINE)


def console(example: Example) -> str | None:
    """Run each ``$ command`` of a block and compare what it prints with the lines below it."""
    for block in example.parsed.split("$ ")[1:]:
        command, _, expected = block.partition("\n")
        words = command.replace("attncap ", f"{sys.executable} -m attncap ", 1)
        done = subprocess.run(words, shell=True, capture_output=True, text=True)
        printed = done.stdout + PROGRESS.sub("", done.stderr)
        if expected.strip() and not doctest.OutputChecker().check_output(expected.strip(), printed.strip(), FLAGS):
            return f"$ {command}\nexpected:\n{expected}\ngot:\n{printed}"
        if not expected.strip() and done.returncode:
            return f"$ {command}\nfailed:\n{printed}"
    return None


def toml(example: Example) -> None:
    """Read a block; if its first line names a file, ``# NAME.toml``, write it so that the commands after it find it."""
    tomllib.loads(example.parsed)
    name = example.parsed.partition("\n")[0].removeprefix("# ")
    if name.endswith(".toml"):
        Path(name).write_text(example.parsed)


def enter(namespace: dict) -> None:
    """Run a document's examples in a directory of their own."""
    namespace["_home"] = os.getcwd()
    os.chdir(tempfile.mkdtemp(prefix="attncap-docs-"))


def leave(namespace: dict) -> None:
    """Return from it."""
    os.chdir(namespace["_home"])


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=FLAGS),
        CodeBlockParser("console", console),
        CodeBlockParser("toml", toml),
    ],
    patterns=["README.md", "docs/*.md"],
    setup=enter,
    teardown=leave,
).pytest()


def skipped(config: pytest.Config) -> list[pytest.TestReport]:
    """Return the tests that must not be skipped: on the machine that decides (CI=true) every library is installed."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return reporter.stats.get("skipped", []) if reporter and os.environ.get("CI") == "true" else []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name them."""
    for report in skipped(config):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.write_line(f"skipped, which fails where CI=true: {report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail for them."""
    if skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
