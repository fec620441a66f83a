"""Every command keeps one contract: one JSON object, one line for a failure, nothing half-written, a whole help."""

import importlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer

from attncap import terminal
from attncap.cli import app
from attncap.commands.options import options
from attncap.sweep import COMMANDS, Grid, run
from attncap.sweep.commands import resolve
from attncap.sweep.store import Store

from . import command
from .cases import CASES, PLACED, furnish, words

EACH = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return furnish(tmp_path_factory.mktemp("home"))


@pytest.fixture(autouse=True)
def _at_home(home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(home)
    yield
    for made in home.glob("**/made*"):
        subprocess.run(["rm", "-r", made], check=True)


def tree(home: Path) -> dict[str, bytes]:
    """Return every file but locks, and what SQLite keeps beside a store as long as somebody has it open."""
    aside = re.compile(r"driver\.lock|sqlite-(wal|shm)$")
    return {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file() and not aside.search(path.name)}


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


NUMBER = re.compile(r"(?<![\w.])\d[\d,.]{0,7}(?![\w.,])")


@EACH
def test_no_number_vanishes_at_40_columns(capsys, monkeypatch, name: str):
    wide = command.run(capsys, *words(name))
    subprocess.run(["rm", "-rf", *Path().glob("made*")], check=True)
    monkeypatch.setattr(terminal, "UNFOLDED", 40)
    narrow = command.run(capsys, *words(name))
    assert (narrow[0], narrow[2]) == (wide[0], wide[2])
    assert "…" not in narrow[1]
    # What is measured anew differs.
    wide, narrow = (re.sub(r"[\d.]+\s+s\b|seconds +[\d.]+", "", said[1]) for said in (wide, narrow))
    assert set(NUMBER.findall(wide)) <= set(NUMBER.findall(narrow))


# A place, what may lie there, and none of it what any of these words asks for.
WRONG = (
    "none", "", "empty", "foreign", "junk", "junk.npz", "junk.toml", "junk.csv", "junk.onnx", "junk.gguf", "list.json",
    "x" * 300, "two\nlines \x1b[2J", "Zürich\u0308/\u202e", "/dev/null", "/proc/self/mem", "table.csv/below",
)  # fmt: skip
INPUTS = {"memory", "store", "layer.npz", "task.npz", "organism.toml", "spec.toml"}


@pytest.mark.parametrize("name", [name for name in CASES if INPUTS & {*words(name)}])
def test_every_wrong_kind_of_input_is_one_line(capsys, home: Path, name: str):
    for folder in ("empty", "foreign"):
        (home / folder).mkdir(exist_ok=True)
    (home / "foreign" / "result.json").write_text("[]")
    (home / "foreign" / "model.safetensors").write_bytes(b"\xff" * 100)
    for each in WRONG:
        if each.startswith("junk"):
            (home / each).write_bytes(b"\x89PNG\r\n\x1a\n\0\xff[a]=,;" * 20)
    (home / "list.json").write_text("[1, 2]")
    before = tree(home)
    line = words(name)
    for place in (place for place, word in enumerate(line) if word in INPUTS):
        for wrong in WRONG:
            code, out, err = command.run(capsys, *line[:place], wrong, *line[place + 1 :])
            assert (code in (1, 2), out, err.count("\n")) == (True, "", 1), (wrong, code, out, err)
            assert "internal error" not in err
            assert "\x1b" not in err
            assert tree(home) == before


@pytest.mark.parametrize("name", [name for name in CASES if {"made", "made.csv"} & {*words(name)} or CASES[name].drawn])
def test_a_full_disk_is_one_line_that_names_the_place(capsys, home: Path, name: str):
    before, (soft, hard) = tree(home), resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    line = [*words(name), *CASES[name].drawn.split()]
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        code, _, err = command.run(capsys, *line)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert (code in (1, 2), err.count("\n")) == (True, 1), (code, err)
    assert re.match(r"attncap: (/\S*/)?(made|store)\S*: ", err), err
    assert "internal error" not in err
    assert not any(path.endswith((".svg", ".csv")) or "attncap-" in path for path in tree(home).keys() - before.keys())


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
    assert not out or name in ("audit", "edit", "explain", "forget", "interpolation", "memorize", "plan", "train")
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
    # Before it stands how long the work would have taken.
    assert (process.returncode, out, err.splitlines()[-1]) == (130, "", "attncap: interrupted; nothing was written")
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
        flags = {option if option in PLACED else f"--{option.replace('_', '-')}" for option in options(shelf(name))}
        assert {"--constant" if flag == "--constants" else flag for flag in flags} <= listed
    assert "--json" in listed or "COMMAND" in out


def shelf(name: str):
    return resolve(name).function


# "saturation" is a command of sweeps only.
@pytest.mark.parametrize("name", [name for name in COMMANDS if name in CASES])
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
