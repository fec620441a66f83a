"""Commands under limits of memory and of address space: each is refused in one line or finishes; none is killed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from attncap.cli.reserves import RESERVED, Reserves
from attncap.errors import UnmetError
from tests.cases import CASES, furnish, words

GROUPS = Path("/sys/fs/cgroup")
LIMIT = 800 << 20
# Beside a line of every command, which fits, larger ones that do not.
LARGE = [
    "memorize random:1000,3,1500 --embedding-dim 64 --out made",
    "memorize random:200,2,300 --embedding-dim 16 --method margin --out made",
    "memorize random:100000,1,5 --embedding-dim 64 --out made",
    "memorize random:20,2,100 --embedding-dim 8 --heads 4 --method train --out made",
    "plan random:1000,2,100000",
    "encode large.npz --embedding-dim 8",
    "train random:500,2,200000 --embedding-dim 64 --heads 64 --seeds 5 --steps 2",
    "train --kind examples --count 200000 --context 64 --embedding-dim 64 --heads 64 --steps 2",
    "capacity --vocabulary 1000 --context 2 --embedding-dim 32 --heads 8 --seeds 1",
    "capacity --kind examples --context 4 --embedding-dim 64 --heads 200 --seeds 1",
    "interpolation --ratio 0.5 --ridge 1e-2:1:3 --simulate --tokens 6000 --seeds 1 --plot made.pdf",
    "interpolation --ratio 0.5 --ridge 1 --heads 12",
    "sweep run spec.toml --out made --workers 2",
    "sweep export store --out made.parquet",
    "export memory --to onnx --out made.onnx",
    "explore --static made.html",
]
LINES = [" ".join([*words(name), *CASES[name].drawn.split()]) for name in CASES] + LARGE


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = furnish(tmp_path_factory.mktemp("limits"))
    np.savez(home / "large.npz", pi=np.full((1000, 4000), 1 / 4000))
    return home


@pytest.fixture
def tidy(home: Path) -> Iterator[Path]:
    """The same, without what earlier lines wrote."""
    yield home
    for made in home.glob("made*"):
        shutil.rmtree(made) if made.is_dir() else made.unlink()


def attncap(line: str, home: Path, start: str = "") -> tuple[int, str]:
    """Run a command; ``start`` is Python that the process runs before everything else."""
    program = f"{start}\nfrom attncap.__main__ import main\nmain()"
    command = [sys.executable, "-c", program, *line.split()]
    done = subprocess.run(command, capture_output=True, text=True, cwd=home, timeout=600)
    return done.returncode, done.stderr


def one_line(code: int, said: str) -> bool:
    return code == 0 or (code in (1, 2) and said.count("attncap: ") >= 1 and "Traceback" not in said)


@pytest.fixture(scope="module")
def group():
    """A control group of 800 MB, where one can be made."""
    parts = (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
    own = {name: path for _, name, path in parts}
    root, name = (GROUPS / "memory", "memory.limit_in_bytes") if "memory" in own else (GROUPS, "memory.max")
    outer = root / own.get("memory", own.get("", "/")).lstrip("/")
    made = next((made for at in (outer, *outer.parents) if (made := made_in(at, name))), None)
    if made is None:
        pytest.skip("no control group of memory can be made here")
    yield made
    made.rmdir()


def made_in(outer: Path, name: str) -> Path | None:
    made = outer / f"attncap-test-{os.getpid()}"
    try:
        made.mkdir()
        (made / name).write_text(str(LIMIT))
        return made
    except OSError:
        if made.is_dir():
            made.rmdir()
        return None


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
def test_no_command_is_killed_in_a_group_of_800_mb(group: Path, tidy: Path, line: str):
    enter = f"import os; open({str(group / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))"
    code, said = attncap(line, tidy, enter)
    assert one_line(code, said), (code, said)


@pytest.mark.slow
@pytest.mark.parametrize("gigabytes", [0.3, 0.8, 1.7, 4])
@pytest.mark.parametrize("line", LINES)
def test_no_command_is_aborted_by_a_limit_of_address_space(tidy: Path, line: str, gigabytes: float):
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({int(gigabytes * 1e9)},) * 2)"
    code, said = attncap(line, tidy, limit)
    assert one_line(code, said), (code, said)


@pytest.mark.parametrize("library", RESERVED)
def test_a_library_without_room_is_refused_before_it_is_imported(monkeypatch: pytest.MonkeyPatch, library: str):
    monkeypatch.setattr("resource.getrlimit", lambda _: (100_000_000, 100_000_000))
    with pytest.raises(UnmetError, match=f"{library} reserves .* raise it"):
        Reserves().find_spec(library)
    monkeypatch.setattr("resource.getrlimit", lambda _: (10**15, 10**15))
    assert Reserves().find_spec(library) is None
    assert Reserves().find_spec("json") is None


def test_a_picture_under_a_limit_is_one_line(home: Path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (20_000_000_000,) * 2)"
    code, said = attncap("plan table.csv --plot made.svg --json", home, limit)
    assert (code, said.count("\n")) == (1, 1)
    assert "vl_convert reserves 68 GB of address space" in said
    assert not (home / "made.svg").exists()
