"""Whatever a user, a disk, a pipe or a terminal does: one line, an exit code, and text as it is."""

import contextvars
import errno
import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Group

from attncap import archive, characters, construct, progress, tasks, terminal
from attncap.cli import failures
from attncap.data.tables import read_table
from attncap.errors import InputError, UnmetError
from attncap.numerics import memory
from attncap.tasks.parquet import read_task, write_task

from .command import run

SHAPE = "--vocabulary 50 --context 2 --embedding-dim 10 --head-dim 10 --heads 20"
HOSTILE = "[b]a[/x] :boom: \x1b[2J\r\u202e1\nforged line"


def shell(line, **environment):
    """Run a line of the shell with the command line's own streams; return the code, stdout and stderr."""
    start = f"{sys.executable} -m attncap"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line.replace('attncap', start)}"],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A memory of three facts, one of them hostile."""
    folder = tmp_path_factory.mktemp("kept")
    table = folder / "t.jsonl"
    rows = [("Peru", "Lima"), ("Fiji", "Suva"), ("Evil", HOSTILE.replace("\n", " "))]
    table.write_text("".join(json.dumps({"country": one, "capital": other}) + "\n" for one, other in rows))
    archive.write(construct.theorem(tasks.load(table), 8), folder / "m")
    return folder


# Streams


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (f"attncap bounds {SHAPE} > /dev/full", 1, "attncap: stdout: cannot write (No space left on device)\n"),
        ("attncap --help > /dev/full", 1, "attncap: stdout: cannot write (No space left on device)\n"),
        ("attncap cite dana2025 >&-", 0, ""),
        ("attncap cite dana2025 | true", 141, ""),
        ("attncap --help | true", 141, ""),
        ("attncap cite nobody 2>&-", 2, ""),
    ],
)
def test_output_that_goes_nowhere(line, code, said):
    assert shell(line) == (code, "", said)


def test_an_encoding_without_the_letters_gets_escapes():
    code, out, err = shell(f"attncap bounds {SHAPE}", PYTHONIOENCODING="ascii")
    assert (code, err, out.isascii()) == (0, "", True)
    assert ">= 210" in out


# Failures


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1, "No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "d/x"), 2, "d/x: Permission denied"),
        (MemoryError(), 1, "GB are free"),
        (ValueError("Maximum allowed dimension exceeded"), 1, "GB are free"),
        (OverflowError("int too large"), 2, "too large"),
        (RecursionError("deep"), 1, "internal error: RecursionError: deep (set ATTNCAP_TRACEBACK=1"),
        (KeyError("x"), 1, "internal error: KeyError: 'x'"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "no"), 1, "internal error: UnicodeEncodeError"),
        (pl.exceptions.PanicException("rust"), 1, "internal error: PanicException: rust"),
        (KeyboardInterrupt(), 130, "interrupted; nothing was written"),
        (UnmetError("two\nlines \x1b[2J"), 1, r"two lines \x1b[2J"),
    ],
)
def test_no_failure_is_a_traceback(capsys, monkeypatch, error, code, said):
    def fail(*_):
        raise error

    monkeypatch.setattr("attncap.bounds.citation", fail)
    monkeypatch.delenv(failures.TRACEBACK, raising=False)
    found, out, err = run(capsys, "cite", "dana2025")
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert said in err
    found, out, _ = run(capsys, "cite", "dana2025", "--json")
    assert (found, json.loads(out).keys()) == (code, {"error"})
    monkeypatch.setenv(failures.TRACEBACK, "1")
    assert "Traceback" in run(capsys, "cite", "dana2025")[2]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_sigterm_ends_like_an_interrupt(capsys, monkeypatch, tmp_path, number, code):
    def terminated(*_):
        os.kill(os.getpid(), number)
        threading.Event().wait(5)

    monkeypatch.setattr("attncap.archive.write_task", terminated)
    words = ("memorize", "random:10,2,20", "--embedding-dim", 8, "--out", tmp_path / "m")
    # Under nohup these tests begin with one of them ignored.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        found, _, err = run(capsys, *words)
        assert (found, err) == (code, "attncap: terminated; nothing was written\n")
        assert list(tmp_path.iterdir()) == []
        assert signal.getsignal(number) is signal.SIG_DFL
        monkeypatch.setattr("attncap.archive.write_task", lambda *_: os.kill(os.getpid(), number))
        signal.signal(number, signal.SIG_IGN)
        assert run(capsys, *words, "--force")[0] != code
    finally:
        signal.signal(number, before)


def test_an_interrupt_of_the_imports_is_one_line():
    program = (
        "import sys\nclass Stop:\n def find_spec(self, name, *rest):\n  if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop())\nfrom attncap.__main__ import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "attncap: interrupted; nothing was written\n")


HUGE = 10**20


@pytest.mark.parametrize(
    "words",
    [
        ("memorize", "random:10,2,20", "--heads", HUGE, "--out", "none"),
        ("memorize", "random:10,2,20", "--embedding-dim", HUGE, "--out", "none"),
        ("capacity", "--context", 2, "--vocabulary", 10, "--heads", HUGE),
        ("encode", "none.npz", "--embedding-dim", HUGE),
        ("train", "random:10,2,20", "--embedding-dim", 4, "--heads", 1, "--steps", HUGE),
        ("train", "random:10,2,20", "--embedding-dim", 4, "--heads", 1, "--seeds", HUGE),
        ("interpolation", "--ratio", 0.5, "--ridge", 1, "--simulate", "--seeds", HUGE),
        ("reproduce", "liao2025", "--seed", HUGE),
        ("sweep", "run", "none.toml", "--out", "none", "--workers", HUGE),
    ],
)
def test_numbers_of_more_than_64_bits_are_bad_input(capsys, words):
    code, _, err = run(capsys, *words)
    assert (code, err.count("\n")) == (2, 1)
    assert str(2**63 - 1) in err


@pytest.mark.parametrize(
    "source", ["random:999999999999,1,10", "random:100000000000,2,10", "random:10,60000,9999999", "random:10,999999,10"]
)
def test_absurd_tasks_are_refused_before_they_are_built(monkeypatch, source):
    monkeypatch.setattr(np.random, "default_rng", lambda *_: pytest.fail("it was drawn"))
    with pytest.raises((UnmetError, InputError), match=r"GB are free; choose a smaller|S of at most 65,536"):
        tasks.load(source)


def test_a_shape_that_no_memory_holds_is_refused():
    task = tasks.load("random:10,2,20")
    for build in (construct.theorem, construct.margin):
        with pytest.raises(UnmetError, match="GB are free"):
            build(task, 8, heads=2**62)


# Memory


def test_memory_is_that_of_the_job(monkeypatch, tmp_path):
    groups, membership = tmp_path / "cgroup", tmp_path / "self"
    inner = groups / "slurm" / "job"
    inner.mkdir(parents=True)
    monkeypatch.setattr(memory, "CGROUPS", groups)
    monkeypatch.setattr(memory, "MEMBERSHIP", membership)
    membership.write_text("0::/slurm/job\n")
    host = memory.available()
    (inner / "memory.max").write_text("max\n")
    assert memory.available() == pytest.approx(host, rel=0.5)
    for folder, most, used, cache in ((inner.parent, 900, 600, 100), (inner, 800, 300, 0)):
        (folder / "memory.max").write_text(f"{most}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\n")
    # The group around the job leaves less than its own.
    assert memory.available() == 400
    old = groups / "memory" / "docker"
    old.mkdir(parents=True)
    membership.write_text("4:cpu,memory:/docker\n")
    (old / "memory.limit_in_bytes").write_text("1000\n")
    (old / "memory.usage_in_bytes").write_text("300\n")
    (old / "memory.stat").write_text("total_inactive_file 50\n")
    assert memory.available() == 750
    # Inside a container the group is the root of what it sees.
    membership.write_text("4:memory:/outside/container\n")
    for name in ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat"):
        (old / name).rename(groups / "memory" / name)
    assert memory.available() == 750


def test_a_limit_of_address_space_counts():
    program = (
        "import resource; from attncap.numerics import memory\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**33, resource.RLIM_INFINITY)); print(memory.available() < 2**33)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "True\n"


# What was computed is printed


@pytest.mark.parametrize("as_json", [False, True])
def test_a_result_is_printed_even_if_it_cannot_be_written(capsys, monkeypatch, tmp_path, as_json):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("attncap.archive.write_task", full)
    monkeypatch.setattr("altair.TopLevelMixin.save", full)
    flags = ["--json"] if as_json else []
    for words in (
        ("memorize", "random:10,2,20", "--embedding-dim", 8, "--out", tmp_path / "m"),
        ("interpolation", "--ratio", 0.5, "--ridge", "1e-2:1:3", "--plot", tmp_path / "p.svg"),
    ):
        code, out, err = run(capsys, *words, *flags)
        assert (code, err.count("\n"), "No space left on device" in err) == (2, 1, True)
        if as_json:
            assert "error" not in json.loads(out)
        else:
            assert out.count("\n") > 2
            assert "written to" not in out
    assert list(tmp_path.iterdir()) == []


def test_a_memory_is_written_even_if_nobody_reads(tmp_path):
    code, _, err = shell(f"attncap memorize random:10,2,20 --embedding-dim 8 --out {tmp_path}/m | true")
    assert (code, err) == (141, "")
    assert archive.read(tmp_path / "m").checked


# Tasks that cannot be stored

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"sequence": [["a", None], ["c", "d"]]}, "row 0: expected a token in every place"),
        ({"sequence": [["a", "b"], None]}, "row 1: expected a token in every place"),
        ({"sequence": [["a", "b"], ["c"]]}, "row 1: expected as many tokens"),
        ({"sequence": [[1, 2], [3, 4]]}, "column sequence: expected List(String), got List(Int64)"),
        ({"answer": ["x", None]}, "row 1: expected an answer"),
        ({"answer": [1, 2]}, "column answer: expected String, got Int64"),
        ({"bits": [1.0, -1.0]}, "row 1: expected bits of at least 0"),
        ({"bits": [1.0, None]}, "row 1: expected bits of at least 0"),
        ({"bits": [1.0, float("nan")]}, "row 1: expected bits of at least 0"),
    ],
)
def test_what_no_task_writes_is_refused_before_the_work(tmp_path, columns, said):
    good = {"sequence": [["a", "b"], ["c", "d"]], "answer": ["x", "y"], "bits": [1.0, 2.0]}
    path = tmp_path / "t.parquet"
    pl.DataFrame(good | columns).write_parquet(path)
    with pytest.raises(InputError, match=said.replace("(", r"\(").replace(")", r"\)")):
        tasks.load(path)


@given(
    rows=st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=2, max_size=6, unique_by=lambda row: row[:2]),
    bits=st.floats(0, 1000),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_archive_that_was_written_can_be_read(tmp_path_factory, rows, bits):
    folder = tmp_path_factory.mktemp("odd")
    frame = {"sequence": [row[:2] for row in rows], "answer": [row[2] for row in rows], "bits": [bits] * len(rows)}
    pl.DataFrame(frame, schema={"sequence": pl.List(pl.String), "answer": pl.String, "bits": pl.Float64}).write_parquet(
        folder / "t.parquet"
    )
    try:
        fit = construct.theorem(tasks.load(folder / "t.parquet"), 8)
    except (InputError, UnmetError):
        return
    memory = archive.read(archive.write(fit, folder / "m"))
    assert [memory.task.words(row) for row in range(len(rows))] == [((a, b), c) for a, b, c in rows]
    assert memory.examine(tasks.load(folder / "t.parquet")).accuracy == fit.recalled[0]


def test_damaged_parquet_is_one_line(capfd, tmp_path):
    path, rng = tmp_path / "t.parquet", np.random.default_rng(0)
    write_task(tasks.random_associations(10, 2, 50), path)
    whole, refused = path.read_bytes(), 0
    for place, bit in zip(rng.integers(len(whole), size=60), rng.integers(8, size=60), strict=True):
        bad = bytearray(whole)
        bad[place] ^= 1 << bit
        path.write_bytes(bad)
        for read in (read_task, read_table):
            try:
                read(path)
            except InputError as error:
                refused += "\n" not in str(error)
    assert refused > 10
    assert capfd.readouterr() == ("", "")


# The terminal


def test_text_is_neither_markup_nor_a_command(capsys, kept):
    code, out, _ = run(capsys, "recall", kept / "m", "Evil", "capital")
    assert code == 0
    assert out.startswith(r"[b]a[/x] :boom: \x1b[2J\r\u202e1 forged line  (margin") or r"\x1b[2J" in out
    assert out.count("\n") == 1
    assert "\x1b" not in out
    answer = archive.Answer(("q",), HOSTILE, 1.0, HOSTILE)
    assert str(answer).startswith(r"[b]a[/x] :boom: \x1b[2J\r\u202e1\nforged line")


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "M", "Evil", "capital"),
        ("compare", "M", "M"),
        ("edit", "M", "--set", "Evil", "capital", "\x1b[2J[/b]", "--out", "OUT"),
        ("forget", "M", "Evil", "capital", "--way", "retrain", "--out", "OUT"),
        ("verify", "M"),
        ("export", "M", "--to", "torch", "--out", "OUT"),
    ],
    ids=lambda words: words[0],
)
def test_what_works_on_a_memory_shows_its_text_as_it_is(capsys, kept, tmp_path, words):
    places = {"M": kept / "m", "OUT": tmp_path / "\u202e\x1b[2J"}
    code, out, err = run(capsys, *(places.get(word, word) for word in words))
    assert (code, err) == (0, "")
    assert not characters.CONTROL.search(out.replace("\n", ""))


@pytest.mark.parametrize(
    "words", [("edit", "--set", "Peru", "capital", "Suva"), ("edit", "--undo"), ("forget", "Peru")]
)
def test_a_change_in_place_is_not_lost_to_another(capsys, kept, words):
    from attncap import files

    name, *rest = words
    # Another process, which what runs here knows nothing of.
    other, held = contextvars.Context(), files.changing(kept / "m")
    other.run(held.__enter__)
    code, out, err = run(capsys, name, kept / "m", *rest)
    other.run(held.__exit__, None, None, None)
    assert (code, out, err.count("\n"), "another process" in err) == (2, "", 1, True)


@given(cells=st.lists(st.text(max_size=30), min_size=1, max_size=4), width=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_tables_show_text_as_it_is_at_every_width(cells, width):
    table = terminal.Rows(*(f"column {place}" for place in range(len(cells))))
    table.add_row(*cells)
    for width_or_pipe in (width, None):
        text = terminal.shown(Group(table, ""), width_or_pipe)
        assert not characters.CONTROL.search(text.replace("\n", ""))
        assert all(line == line.rstrip(" ") for line in text.split("\n"))
    # In a pipe every cell is whole.
    assert all(characters.visible(cell).rstrip(" ") in text for cell in cells)


@pytest.mark.parametrize("width", [100, 60, 40, 20])
def test_no_number_vanishes_on_a_narrow_terminal(width):
    from attncap.commands.bounds import bounds

    found = bounds(vocabulary=50, context=2, embedding_dim=10, head_dim=10, heads=20)
    wide, narrow = terminal.shown(found), terminal.shown(found, width)
    assert max(map(len, narrow.split("\n"))) <= width
    assert "…" not in narrow
    joined = narrow.replace("\n", "").replace(" ", "")
    for promise in found.bounds:
        # Words fold on the narrowest only.
        assert promise.says.replace(" ", "") in joined if width < 40 else all(w in narrow for w in promise.says.split())
    assert all(line == line.rstrip() for line in wide.split("\n"))


def test_a_pipe_gets_whole_lines(capsys, tmp_path):
    long = "word " * 100 + "end"
    table = tmp_path / "t.csv"
    table.write_text(f"s,o\na,{long}\nb,c\n")
    archive.write(construct.theorem(tasks.load(table), 8), tmp_path / "m")
    assert run(capsys, "recall", tmp_path / "m", "a", "o")[1].startswith(f"{long}  (margin")
    from attncap.bounds import citation

    assert run(capsys, "cite", "dana2025")[1] == f"{citation('dana2025')}\n".replace("\n\n", "\n")


def test_help_is_whole_and_the_version_is_said(capsys):
    import attncap

    for flag in ("--version", "-V"):
        assert run(capsys, flag) == (0, f"attncap {attncap.__version__}\n", "")
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "..." not in out.replace("ARGS]...", "")
    assert "--install-completion" in out
    code, out, _ = shell("attncap", _ATTNCAP_COMPLETE="complete_bash", COMP_WORDS="attncap mem", COMP_CWORD="1")
    assert out.split() == ["memorize"]


# Recall of a file


def test_recall_names_what_fails(capsys, kept, tmp_path):
    table = tmp_path / "asked.csv"
    rows = ["Peru,Lima", "Fiji,Lima", "Mars,Lima", "Evil,Mars"]
    table.write_text("\n".join(["country,capital", *rows]))
    code, out, err = run(capsys, "recall", kept / "m", "--file", table)
    assert code == 1
    assert "1 of 4" in out
    assert "1 of 4" in err
    assert [line.split()[0] for line in out.split("\n")[-4:-1]] == ["Fiji", "Mars", "Evil"]
    code, out, _ = run(capsys, "recall", kept / "m", "--file", table, "--json")
    found = json.loads(out)
    assert (code, found["correct"], found["asked"], found["accuracy"]) == (1, 1, 4, 0.25)
    assert found["misses"][0] == {"query": ["Fiji", "capital"], "expected": "Lima", "answer": "Suva"}
    assert found["misses"][1]["answer"] is None
    table.write_text("\n".join(["country,capital", *(f"c{number},Lima" for number in range(25))]))
    assert "and 15 more" in run(capsys, "recall", kept / "m", "--file", table)[1]


def test_an_unchecked_memory_is_said_to_be(capsys, kept, tmp_path):
    import shutil

    shutil.copytree(kept / "m", tmp_path / "m")
    assert run(capsys, "recall", tmp_path / "m", "Peru", "capital")[2] == ""
    (tmp_path / "m" / "SHA256SUMS").unlink()
    code, _, err = run(capsys, "recall", tmp_path / "m", "Peru", "capital")
    assert code == 0
    assert err.count("\n") == 1
    assert "not checked" in err


# Words


def test_one_thing_is_singular_and_nothing_is_not_simulated(capsys):
    fit = construct.theorem(tasks.load("random:10,2,8"), 8, heads=1)
    assert "1 head of 8" in str(fit)
    code, out, _ = run(capsys, "interpolation", "--ratio", 0.5, "--ridge", 1)
    assert code == 0
    assert "None" not in out
    for option in ("--tokens", "--seeds"):
        code, _, err = run(capsys, "interpolation", "--ratio", 0.5, "--ridge", 1, option, 5)
        assert (code, err) == (2, f"attncap: {option}: expected simulate beside it, got 5\n")


def test_a_pipe_is_told_of_progress_now_and_then(monkeypatch):
    line = progress._Line("solve", 100)
    said = [line.advanced(1, line._started + second) for second in range(0, 100)]
    told = [second for second, text in enumerate(said) if text]
    # Rarer and rarer, and nothing about what takes a moment.
    assert told == [5, 10, 20, 40, 80]
    assert said[20] == "solve: 21 of 100 after 20 s, about 75 s left"
    assert progress._Line("read", None).advanced(5, line._started + 1000).startswith("read: 5 after ")


def test_numbers_that_are_not_finite_are_an_error(capsys):
    words = ("interpolation", "--ratio", 0.5, "--ridge", 1e300)
    for more in ((), ("--json",)):
        code, _, err = run(capsys, *words, *more)
        assert (code, err) == (1, "attncap: not a finite number: theory is nan, linear_regression is nan\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("memorize", "x", "--heads", "a"), "--heads: expected a whole number, got 'a'"),
        (("interpolation", "--ratio", 1, "--ridge", 1, "--positive", "x"), "--positive: expected a number, got 'x'"),
        (("train", "x", "--seed", "-1"), "--seed: expected at least 0, got '-1'"),
        (("recall", "m", "-5", "street"), "No such option: -5; a word that begins with a dash comes after --"),
        (("recall", ".", "x", "y"), "model.safetensors: cannot read (No such file or directory: model.safetensors)"),
        (("recall", "m", "--", "--json"), "m: no such directory; expected one that attncap memorize wrote"),
    ],
)
def test_what_was_wrong_is_named_with_what_was_got(capsys, words, said):
    assert run(capsys, *words) == (2, "", f"attncap: {said}\n")


@pytest.mark.parametrize(
    "words",
    [
        ("train", "random:10,2,20", "--embedding-dim", 4, "--heads", 1, "--seeds", 10**11),
        ("train", "random:10,2,20", "--embedding-dim", 4, "--heads", 1, "--steps", 10**15),
        ("interpolation", "--ratio", 0.5, "--ridge", 1, "--heads", 1000),
        ("interpolation", "--ratio", 0.5, "--ridge", 1, "--simulate", "--seeds", 10**13),
        ("encode", "two.npz", "--embedding-dim", 2, "--starts", 10**15),
    ],
)
def test_absurd_numbers_are_refused_with_the_memory_that_they_take(capsys, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    np.savez("two.npz", pi=np.full((2, 3), 1 / 3))
    code, _, err = run(capsys, *words)
    assert (code, err.count("\n")) == (1, 1)
    assert "GB of memory" in err
    assert "choose fewer" in err


def test_no_help_shows_the_largest_number(capsys):
    for name in ("train", "interpolation", "reproduce", "sweep run"):
        assert "9223372036854775807" not in run(capsys, *name.split(), "--help")[1]


def test_logits_that_are_not_finite_are_said(kept, tmp_path):
    import shutil

    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    shutil.copytree(kept / "m", tmp_path / "m")
    (tmp_path / "m" / "SHA256SUMS").unlink()
    file = tmp_path / "m" / "model.safetensors"
    with safe_open(file, "np") as opened:
        header = opened.metadata()
    tensors = load_file(file)
    save_file({name: np.full_like(tensor, 3e38) for name, tensor in tensors.items()}, file, header)
    with pytest.raises(UnmetError, match="not finite numbers"):
        archive.read(tmp_path / "m").ask(["Peru", "capital"])


# Verifying


def test_verify_finds_every_difference(capsys, kept, tmp_path):
    import shutil

    shutil.copytree(kept / "m", tmp_path / "m")
    code, out, err = run(capsys, "verify", tmp_path / "m", "--json")
    found = json.loads(out)
    assert (code, err, found["files"], found["recall"]["correct"], found["differences"]) == (0, "", 4, 3, [])
    assert found["recall"]["certified"] == found["recorded"]["certified"]
    result = json.loads((tmp_path / "m" / "result.json").read_text())
    result["recall"]["float32"]["correct"] = 2
    (tmp_path / "m" / "result.json").write_text(json.dumps(result))
    (tmp_path / "m" / "vocabulary.json").unlink()
    code, out, err = run(capsys, "verify", tmp_path / "m")
    assert (code, "result.json" in out, "vocabulary.json" in out, err.count("\n")) == (1, True, True, 1)
    # Without hashes the claims themselves are compared.
    shutil.copy(kept / "m" / "vocabulary.json", tmp_path / "m")
    (tmp_path / "m" / "SHA256SUMS").unlink()
    code, out, _ = run(capsys, "verify", tmp_path / "m")
    assert (code, "not checked" in out, "correct: 3 now, 2 in result.json" in out) == (1, True, True)


def test_a_result_that_lacks_what_a_report_shows_is_one_line(capsys, kept, tmp_path):
    import shutil

    shutil.copytree(kept / "m", tmp_path / "m")
    (tmp_path / "m" / "SHA256SUMS").unlink()
    for text in ("{}", '{"method": "theorem", "seed": 0, "task": {"notes": 5}}'):
        (tmp_path / "m" / "result.json").write_text(text)
        code, _, err = run(capsys, "report", tmp_path / "m")
        assert (code, err.count("\n"), "lacks what a report shows" in err) == (2, 1, True)


def test_a_memory_without_its_task_names_the_file(capsys, kept, tmp_path):
    import shutil

    shutil.copytree(kept / "m", tmp_path / "m")
    for name in ("SHA256SUMS", "task.parquet"):
        (tmp_path / "m" / name).unlink()
    code, out, err = run(capsys, "recall", tmp_path / "m", "Peru", "capital")
    assert (code, out) == (2, "")
    assert err == f"attncap: {tmp_path}/m/task.parquet: cannot read (No such file or directory)\n"


def test_a_diagonal_that_is_no_number_is_bad_input(capsys):
    code, _, err = run(capsys, "interpolation", "--ratio", 0.5, "--ridge", 1, "--diagonal", "nan")
    assert (code, err) == (2, "attncap: --diagonal: expected a text or a number, got nan\n")
