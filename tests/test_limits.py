"""Commands under limits of memory and of address space: each is refused in one line or finishes; none is killed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from attncap.cli.reserves import RESERVED, Reserves
from attncap.errors import UnmetError

GROUPS = Path("/sys/fs/cgroup")
LIMIT = 800 << 20
SHAPE = "--vocabulary 50 --context 2 --embedding-dim 10 --head-dim 10 --heads 20"
# What fits, and what does not.
LINES = [
    "memorize table.csv --embedding-dim 8 --out made1",
    "memorize random:1000,3,7000 --embedding-dim 64 --out made2",
    "memorize random:1000,2,3000 --embedding-dim 32 --method margin --out made3",
    "memorize random:100000,1,5 --embedding-dim 64 --out made4",
    "memorize random:20,2,100 --embedding-dim 8 --heads 4 --method train --out made5",
    "recall memory Peru capital",
    "recall memory --file table.csv",
    "verify memory",
    "report memory --out made6.html",
    f"bounds {SHAPE}",
    "plan table.csv --plot made7.svg",
    "plan random:1000,2,100000",
    "encode task.npz --embedding-dim 2",
    "encode large.npz --embedding-dim 8",
    "train random:50,2,2500 --embedding-dim 8 --heads 2 --seeds 2 --steps 50 --plot made8.png",
    "train random:500,2,200000 --embedding-dim 64 --heads 64 --seeds 5 --steps 2",
    "capacity --vocabulary 30 --context 2 --embedding-dim 6 --heads 5 --method theorem --seeds 1",
    "capacity --vocabulary 3000 --context 2 --embedding-dim 64 --heads 64 --seeds 1",
    "capacity --kind examples --context 4 --embedding-dim 64 --heads 200 --seeds 1",
    "interpolation --ratio 0.5 --ridge 1e-2:1:3 --simulate --tokens 8000 --seeds 2 --plot made9.pdf",
    "interpolation --ratio 0.5 --ridge 1 --heads 12",
    "reproduce liao2025 regression-snr --out made10",
    "cite dana2025",
    "sweep spec.toml --out made11 --workers 2",
    "sweep status store",
    "sweep export store --out made12.parquet",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("limits")
    (home / "table.csv").write_text("country,capital\nPeru,Lima\nFiji,Suva\n")
    (home / "spec.toml").write_text('command = "interpolation"\n[fixed]\nratio = 0.5\n[product]\nridge = [0.1, 1]\n')
    np.savez(home / "task.npz", pi=[[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
    np.savez(home / "large.npz", pi=np.full((3000, 4000), 1 / 4000))
    for line in ("memorize table.csv --embedding-dim 8 --out memory", "sweep spec.toml --out store"):
        assert attncap(line, home)[0] == 0
    return home


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
def test_no_command_is_killed_in_a_group_of_800_mb(group: Path, home: Path, line: str):
    enter = f"import os; open({str(group / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))"
    code, said = attncap(line, home, enter)
    assert one_line(code, said), (code, said)


@pytest.mark.slow
@pytest.mark.parametrize("gigabytes", [0.3, 0.8, 1.7, 4])
@pytest.mark.parametrize("line", LINES)
def test_no_command_is_aborted_by_a_limit_of_address_space(home: Path, line: str, gigabytes: float):
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({int(gigabytes * 1e9)},) * 2)"
    code, said = attncap(line, home, limit)
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
