"""Every command keeps one contract: one JSON object, one line for a failure, nothing half-written, a whole help."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer

from attncap.cli import app
from attncap.commands.options import options
from attncap.sweep import COMMANDS, Grid, run
from attncap.sweep.commands import resolve
from attncap.sweep.store import Store

from . import command

SHAPE = {"embedding_dim": 4, "head_dim": 4, "heads": 2}
TABLE = "key,value\nFrance,Paris\nPeru,Lima\nChad,N'Djamena\n"


@dataclass(frozen=True)
class Case:
    """How a command is run small.

    Args:
        options: those of the plain function, for a command that a sweep runs too.
        words: what the terminal is given besides.
        refused: words in place of some of these that no command takes.
        says: part of the line that refuses them.
        stop: what is running when Ctrl-C comes.
        drawn: what it draws.
    """

    refused: dict[str, Any]
    says: str
    stop: str
    options: dict[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    drawn: str = ""


CASES = {
    "bounds": Case({"heads": 0}, "--heads", "attncap.bounds:evaluate", {"vocabulary": 10, "context": 2, **SHAPE}),
    "capacity": Case(
        {"heads": 0},
        "--heads: expected at least 1, got 0",
        "attncap.construct:capacity",
        {"vocabulary": 10, "context": 2, **SHAPE, "method": "theorem", "seeds": 2},
    ),
    "cite": Case({"dana2025": "dana2026"}, "dana2025", "attncap.bounds:citation", words=("dana2025",)),
    "encode": Case(
        {"embedding_dim": 0},
        "--embedding-dim: expected at least 1, got 0",
        "attncap.construct:encode",
        {"source": "task.npz", "embedding_dim": 2},
    ),
    "interpolation": Case(
        {"ratio": -1},
        "--ratio: expected above 0",
        "altair:TopLevelMixin.save",
        {"ratio": 0.5, "ridge": 0.1, "snr": 1.0, "simulate": True, "tokens": 40, "seeds": 1},
        drawn="--ridge 1e-2:1:3 --plot made.svg",
    ),
    "memorize": Case(
        {"heads": 0},
        "--heads: expected at least 1, got 0",
        "attncap.archive:write_task",
        {"source": "random:10,2,30", "embedding_dim": 4, "method": "margin"},
        ("--out", "made"),
    ),
    "plan": Case(
        {"associations": 5000},
        "--associations: expected at most the 400 sequences",
        "altair:TopLevelMixin.save",
        {"associations": 100, "vocabulary": 20, "context": 2},
        drawn="--plot made.svg",
    ),
    "recall": Case({"France": "Frnace"}, "France", "attncap.archive:read", words=("memory", "France", "value")),
    "report": Case({"memory": "table.csv"}, "table.csv", "pathlib:Path.write_text", words=("memory",)),
    "reproduce": Case({"liao2025": "liao2026"}, "liao2025", "attncap.papers:figures", words=("liao2025", "--list")),
    "sweep": Case({"spec.toml": "none.toml"}, "none.toml", "", words=("spec.toml", "--out", "made")),
    "sweep export": Case(
        {"made.csv": "made.txt"}, "made.txt", "polars:DataFrame.write_csv", words=("store", "--out", "made.csv")
    ),
    "sweep status": Case({"store": "."}, "results.sqlite", "attncap.sweep.store:Store.counts", words=("store",)),
    "verify": Case({"memory": "table.csv"}, "table.csv", "attncap.measure:verify", words=("memory",)),
    "train": Case(
        {"heads": 0},
        "--heads: expected at least 1, got 0",
        "altair:TopLevelMixin.save",
        {"source": "random:10,2,20", "embedding_dim": 4, "heads": 1, "steps": 64},
        ("--seeds", "1"),
        drawn="--plot made.svg",
    ),
}
EACH = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A directory with an input of every kind."""
    import numpy as np

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        Path("table.csv").write_text(TABLE)
        Path("spec.toml").write_text('command = "collections:Counter"\n[product]\nheads = [1, 2, 3]\n')
        np.savez("task.npz", pi=[[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
        for words in ("memorize table.csv --embedding-dim 4 --out memory", "sweep spec.toml --out store"):
            with pytest.raises(SystemExit) as ended:
                importlib.import_module("attncap.cli").main([*words.split(), "--json"])
            assert not ended.value.code
    return home


@pytest.fixture(autouse=True)
def _at_home(home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(home)
    yield
    for made in home.glob("**/made*"):
        subprocess.run(["rm", "-r", made], check=True)


def words(name: str, replaced: dict[str, Any] | None = None) -> list[str]:
    """A command as a person types it."""
    case = CASES[name]
    given = case.options | {key: value for key, value in (replaced or {}).items() if key not in case.words}
    line = name.split()
    for option, value in given.items():
        flag = f"--{option.replace('_', '-')}"
        line += [value] if option == "source" else [flag] if value is True else [flag, str(value)]
    return [*line, *((replaced or {}).get(word, word) for word in case.words)]


def tree(home: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in home.rglob("*") if path.is_file() and "driver.lock" not in path.name
    }


@EACH
def test_json_is_one_object_and_nothing_else(capsys, name: str):
    code, out, err = command.run(capsys, *words(name), "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert isinstance(json.loads(out), dict)


@EACH
def test_bad_input_is_one_line_and_writes_nothing(capsys, home: Path, name: str):
    before = tree(home)
    wrong = words(name, CASES[name].refused)
    assert wrong != words(name)
    code, out, err = command.run(capsys, *wrong)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert CASES[name].says in err
    code, out, _ = command.run(capsys, *wrong, "--json")
    assert (code, json.loads(out).keys()) == (2, {"error"})
    assert tree(home) == before


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.drawn])
@pytest.mark.parametrize("bad", ["made.gif", "made"])
def test_a_picture_that_cannot_be_drawn_is_refused_before_the_work(
    capsys, home: Path, monkeypatch, name: str, bad: str
):
    drawn = CASES[name].drawn.replace("made.svg", bad).split()
    shelf = importlib.import_module(f"attncap.commands.{name}")
    for worker in ("train_many", "ensemble", name):
        monkeypatch.setattr(shelf, worker, lambda *_, **__: pytest.fail("it was computed"), raising=False)
    code, out, err = command.run(capsys, *words(name), *drawn)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "cannot draw" in err


def interrupted(*_: object, **__: object) -> None:
    """Ctrl-C comes here."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.stop])
def test_ctrl_c_leaves_nothing_half_written(capsys, home: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    module, _, path = CASES[name].stop.partition(":")
    *owners, last = path.split(".")
    place = importlib.import_module(module)
    for owner in owners:
        place = getattr(place, owner)
    monkeypatch.setattr(place, last, interrupted)
    before = tree(home)
    code, out, err = command.run(capsys, *words(name), *CASES[name].drawn.split())
    # What was computed before the interrupt is printed.
    assert (code, err) == (130, "attncap: interrupted; nothing was written\n")
    assert not out or name in ("interpolation", "memorize", "plan", "train")
    assert tree(home) == before


def test_a_sweep_that_is_stopped_says_what_is_left(capsys, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Store, "record", interrupted)
    code, out, err = command.run(capsys, *words("sweep"), "--json")
    assert (code, json.loads(out)["pending"]) == (130, 3)
    assert err == "attncap: stopped with 3 cells to run; run the same to continue\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "memorize random:400,2,100000 --embedding-dim 64 --heads 30 --method margin --out made",
        "capacity --heads 8 --vocabulary 300 --context 2 --embedding-dim 32 --seeds 99",
    ],
)
def test_a_real_ctrl_c(home: Path, line: str):
    process = subprocess.Popen(
        [sys.executable, "-m", "attncap", *line.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while "scipy/linalg" not in Path(f"/proc/{process.pid}/maps").read_text():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (130, "", "attncap: interrupted; nothing was written\n")
    assert not list(home.glob("*made*"))


@EACH
def test_the_help_lists_every_option(capsys, name: str):
    code, out, _ = command.run(capsys, *name.split(), "--help")
    assert code == 0
    group: Any = typer.main.get_command(app)
    for word in name.split():
        group = group.commands[word]
    listed = set(re.findall(r"^  (--?[\w-]+|\w+)", out, re.MULTILINE)) | set(re.findall(r"--[\w-]+", out))
    if name in COMMANDS:
        flags = {option if option == "source" else f"--{option.replace('_', '-')}" for option in options(shelf(name))}
        assert {"--constant" if flag == "--constants" else flag for flag in flags} <= listed
    assert "--json" in listed or "COMMAND" in out


def shelf(name: str):
    return resolve(name).function


@pytest.mark.parametrize("name", COMMANDS)
def test_a_sweep_runs_every_command_with_the_terminal_s_numbers(capsys, tmp_path: Path, name: str):
    grid = Grid(name, fixed=CASES[name].options)
    done = run(grid, tmp_path)
    with Store(tmp_path) as store:
        (row,) = store.rows()
    assert done.failed == 0, row["error"]
    swept = json.loads(row["result"])
    printed = json.loads(command.run(capsys, *words(name), "--json")[1])
    if name == "train":
        # A cell is one model, the terminal's run an ensemble.
        printed = {key: value[0] if isinstance(value, list) else value for key, value in printed.items()}
    for found in (swept, printed):
        found.pop("seconds", None)
    assert swept.items() <= printed.items()
    assert swept


def test_nothing_on_the_command_line_shows_the_help(capsys):
    for line in ((), ("sweep",)):
        code, out, err = command.run(capsys, *line)
        assert (code, err) == (0, "")
        assert "Commands:" in out
        assert out.count("\n") > 5
