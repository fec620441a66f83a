"""Nothing is ever lost: every step of writing an output interrupted, failed and killed in turn."""

import contextlib
import contextvars
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from attncap import archive, construct, files, sums, tasks
from attncap.errors import InputError
from tests.faults import content, error, interrupt, put, strike


@pytest.mark.parametrize("atomic", [True, False], ids=["exchange", "two steps"])
@pytest.mark.parametrize("fault", [error, interrupt])
def test_a_fault_at_any_step_leaves_the_old_or_the_new_whole(tmp_path, fault, atomic):
    steps = 0
    while True:
        path = tmp_path / f"m{steps}"
        put(path, "old")
        with pytest.MonkeyPatch.context() as patch:
            if not atomic:
                patch.setattr(files, "_renameat2", lambda *_: False)
            made = strike(patch.setattr, fault, steps)
            with contextlib.suppress(InputError, KeyboardInterrupt):
                put(path, "new")
        with warnings.catch_warnings(action="ignore", category=files.RestoredWarning):
            files.check_free(path, force=True, directory=True)
        assert content(path) in ({"old"}, {"new"})
        if not any(name.endswith("!") for name in made):
            break
        steps += 1
    assert steps > 6
    assert content(path) == {"new"}


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from faults import files, put, strike
if not {atomic}:
    files._renameat2 = lambda *_: False
strike(setattr, lambda: os._exit(9), {at})
put(Path({path!r}), "new")
"""


@pytest.mark.parametrize("atomic", [True, False], ids=["exchange", "two steps"])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_whole(tmp_path, atomic):
    killed, restored = 0, 0
    for at in range(20):
        path = tmp_path / f"m{at}"
        put(path, "old")
        child = KILLED.format(tests=str(Path(__file__).parent), atomic=atomic, at=at, path=str(path))
        code = subprocess.run([sys.executable, "-c", child], capture_output=True).returncode
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            put(path.with_name("other"), "x")
            files.check_free(path, force=True, directory=True)
        restored += any(isinstance(one.message, files.RestoredWarning) for one in said)
        assert content(path) in ({"old"}, {"new"})
        put(path, "newer")
        assert content(path) == {"newer"}
        # What dead processes left has gone.
        assert {each.name for each in tmp_path.iterdir() if each.name.startswith(f".m{at}.")} <= {
            each.name for each in tmp_path.iterdir() if not (each / files.LOCK).exists()
        }
        killed += code == 9
        if code == 0:
            break
    assert killed > 6
    assert restored == (0 if atomic else 1)


def test_of_several_writers_one_wins(tmp_path):
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); from faults import put\n"
        "from attncap.errors import InputError\n"
        "import time\n"
        "try:\n"
        "    from attncap import files\n"
        "    with files.replacing(Path(sys.argv[2]), directory=True) as temporary:\n"
        "        (temporary / 'a.txt').write_text(sys.argv[3]); (temporary / 'b.txt').write_text(sys.argv[3])\n"
        "        time.sleep(1)\n"
        "except InputError as error:\n"
        "    print(error); sys.exit(2)\n"
    )
    path = tmp_path / "y"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(Path(__file__).parent), str(path), str(k)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for k in range(3)
    ]
    said = [child.communicate()[0] for child in running]
    assert sorted(child.returncode for child in running) == [0, 2, 2]
    assert all("exists already" in text for text, child in zip(said, running, strict=True) if child.returncode)
    assert len(content(path)) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["y"]


def test_who_reads_a_directory_and_writes_it_again_is_alone(tmp_path):
    path = tmp_path / "m"
    put(path, "old")
    with files.changing(path):
        # What the block calls may take the same directory; another caller may not.
        with files.changing(path / ".." / "m"):
            pass
        with pytest.raises(InputError, match="another process is changing it"):
            contextvars.Context().run(files.changing(path).__enter__)
        put(path, "new")
    with files.changing(path):
        assert content(path) == {"new"}
    # Who waited for what has been replaced since reads it anew.
    stale, fresh = os.stat(path), tmp_path / "fresh"
    put(fresh, "x")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fstat", lambda _: os.stat(fresh))
        with pytest.raises(InputError, match="another process"), files.changing(path):
            pytest.fail("it holds what is not there")
    assert os.stat(path) == stale
    with files.changing(tmp_path / "none"):
        pass


def test_force_replaces_only_what_attncap_wrote(tmp_path):
    path = tmp_path / "m"
    path.mkdir()
    (path / "result.json").write_text("{}")
    with pytest.raises(InputError, match=r"result\.json"):
        put(path, "new")
    put(tmp_path / "n", "old")
    for name in ("notes.md", "deep/notes.md"):
        (tmp_path / "n" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "n" / name).write_text("mine")
        with pytest.raises(InputError, match=name):
            put(tmp_path / "n", "new")
        (tmp_path / "n" / name).unlink()
        with pytest.raises(InputError, match="deep/") if "/" in name else warnings.catch_warnings():
            put(tmp_path / "n", "old")
    (tmp_path / "n" / "deep").rmdir()
    (tmp_path / "n" / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="link"):
        put(tmp_path / "n", "new")
    (tmp_path / "n" / "link").unlink()
    (tmp_path / "n" / "a.txt").write_text("edited by hand")
    with pytest.raises(InputError, match=r"a\.txt"):
        put(tmp_path / "n", "new")
    assert (tmp_path / "n" / "a.txt").read_text() == "edited by hand"


def test_a_link_is_followed(tmp_path):
    put(tmp_path / "disk", "old")
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    put(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert content(tmp_path / "disk") == {"new"}
    (tmp_path / "dangling").symlink_to(tmp_path / "later")
    put(tmp_path / "dangling", "new")
    assert content(tmp_path / "later") == {"new"}


@pytest.mark.parametrize("path", ["x" * 256, "file/below", "long" * 60 + "/" + "x" * 256])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path, path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write here|is a file"):
        files.check_free(tmp_path / path, directory=True)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("mode", [0o000, 0o555])
def test_a_directory_without_permission_is_refused_before_the_work(tmp_path, mode):
    (tmp_path / "d").mkdir()
    (tmp_path / "d").chmod(mode)
    code = (
        "import os, sys\n"
        "from attncap import files; from attncap.errors import InputError\n"
        "os.setuid(65534)\n"
        "try: files.check_free(sys.argv[1])\n"
        "except InputError as error: sys.exit(str(error))\n"
    )
    if os.geteuid():
        code = code.replace("os.setuid(65534)", "")
    else:
        for folder in [tmp_path, *tmp_path.parents]:
            if folder.stat().st_uid == os.geteuid() and folder != Path(folder.anchor) and folder != Path("/tmp"):
                folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "d" / "x")], capture_output=True, text=True)
    (tmp_path / "d").chmod(0o755)
    assert "cannot write here (Permission denied)" in done.stderr


def test_a_full_disk_leaves_the_old(tmp_path):
    put(tmp_path / "m", "old")
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from attncap import files; from attncap.errors import InputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    with files.replacing(Path(sys.argv[1]), force=True, directory=True) as t:\n"
        "        (t / 'a.txt').write_text('x' * 5000)\n"
        "except InputError as error: sys.exit(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "m")], capture_output=True, text=True)
    assert "cannot write here (File too large)" in done.stderr
    assert content(tmp_path / "m") == {"old"}
    assert [each.name for each in tmp_path.iterdir()] == ["m"]


@pytest.fixture(scope="module")
def memory(tmp_path_factory) -> Path:
    task = tasks.random_associations(10, 2, 20, seed=0)
    return archive.write(construct.theorem(task, 4), tmp_path_factory.mktemp("archive") / "m")


def test_every_flipped_bit_is_found_and_its_file_named(memory):
    rng = np.random.default_rng(0)
    whole = {path: path.read_bytes() for path in memory.iterdir()}
    assert len(whole) == 5
    for path, blob in whole.items():
        for bit in rng.choice(8 * len(blob), 80, replace=False):
            changed = bytearray(blob)
            changed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(changed)
            with pytest.raises(
                InputError, match=r"model\.safetensors|vocabulary\.json|task\.parquet|result\.json|SHA"
            ) as said:
                archive.read(memory)
            assert path.name in str(said.value) or sums.NAME in str(said.value)
        path.write_bytes(blob)
    assert archive.read(memory).checked


def test_sha256sum_agrees(memory):
    subprocess.run(["sha256sum", "-c", "--strict", sums.NAME], cwd=memory, check=True, capture_output=True)


def test_a_directory_without_hashes_loads_unchecked(memory, tmp_path):
    for path in memory.iterdir():
        if path.name != sums.NAME:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert not archive.read(tmp_path).checked


def test_a_file_written_into_a_directory_is_listed_there(memory, tmp_path):
    put(tmp_path / "m", "old")
    for text in ("one", "two"):
        with files.replacing(tmp_path / "m" / "page.html", force=True) as temporary:
            temporary.write_text(text)
        assert sums.check(tmp_path / "m")
        assert "page.html" in (sums.listing(tmp_path / "m") or ())
    put(tmp_path / "m", "new")
    assert content(tmp_path / "m") == {"new"}
    assert not (tmp_path / "m" / "page.html").exists()


def test_an_error_of_the_block_is_its_own(tmp_path):
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "x"):
        (tmp_path / "missing").read_text()
    assert not list(tmp_path.iterdir())


def test_termination_leaves_nothing_half_written(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\nfrom attncap import files\n"
        "with files.replacing(Path(sys.argv[1]), directory=True) as t:\n    print('in', flush=True); time.sleep(30)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "m")], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    put(tmp_path / "m", "new")
    assert [each.name for each in tmp_path.iterdir()] == ["m"]
