"""What a cell is: the same number under the same key, and another key where the number may be another."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from attncap import sweep
from attncap.sweep import Grid, run, status, table
from attncap.sweep.code import code, outline, reached
from attncap.sweep.results import column, held

HERE = Path(__file__).parent
PACKAGE = {
    "cells.py": '''
"""Cells."""
from typing import TYPE_CHECKING
from shelfcells import near
if TYPE_CHECKING:
    from shelfcells import unrelated

def measure(*, heads: int = 1) -> dict:
    """Measure."""
    from . import lazily
    return {"value": near.factor() * lazily.FACTOR * heads}
''',
    "near.py": "def factor():\n    return 2\n",
    "lazily.py": "FACTOR = 3\n",
    "named.py": "VALUE = 1\n",
    "table.py": 'TABLE = {"named": "shelfcells.named:VALUE"}\n',
    "unrelated.py": "OTHER = 1\n",
    "__init__.py": "",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A package of one's own, which forgets what it was when it is asked again."""
    home = tmp_path / "shelfcells"
    home.mkdir()
    for name, text in PACKAGE.items():
        (home / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield home
    for name in [name for name in sys.modules if name.startswith("shelfcells")]:
        del sys.modules[name]
    forget()


def changed(package: Path, factor: str) -> None:
    (package / "near.py").write_text(f"def factor():\n    return {factor}\n")
    for name in [name for name in sys.modules if name.startswith("shelfcells")]:
        del sys.modules[name]
    forget()


def forget() -> None:
    from attncap.sweep import code as module
    from attncap.sweep.commands import resolve

    for cached in (module.code, module.outline, module._tree, resolve):
        cached.cache_clear()


def hashed(module: str = "shelfcells.cells") -> str:
    __import__(module)
    forget()
    return code(module)


def test_code_that_can_change_the_number_changes_the_hash(package: Path):
    known = {hashed()}
    for name, text in (
        ("near.py", "def factor():\n    return 4\n"),
        ("lazily.py", "FACTOR = 5\n"),
        ("cells.py", PACKAGE["cells.py"].replace("* heads", "+ heads")),
        ("near.py", "from shelfcells import table\n\ndef factor():\n    return 4\n"),
        ("named.py", "VALUE = 2\n"),
    ):
        (package / name).write_text(text)
        now = hashed()
        assert now not in known, name
        known.add(now)


def test_what_cannot_change_the_number_does_not_change_the_hash(package: Path):
    before = hashed()
    (package / "near.py").write_text(
        '"""Near."""\n# Twice.\n\n\ndef factor():\n    """Return two."""\n    return (2)\n'
    )
    (package / "unrelated.py").write_text("OTHER = 2\n")
    assert hashed() == before
    (package / "near.py").rename(package / "nearer.py")
    moved = PACKAGE["cells.py"].replace("import near", "import nearer as near")
    (package / "cells.py").write_text(moved)
    assert hashed() == before


def test_the_code_of_a_command_is_that_of_what_it_imports():
    files = reached("attncap.commands.capacity")
    assert {"attncap.construct.associations.margin_mode", "attncap.train.loop.lanes", "attncap"} <= files.keys()
    assert not {"attncap.plots", "attncap.sweep.store", "attncap.cli"} & files.keys()
    assert "attncap.train" not in reached("attncap.commands.interpolation")
    assert all(path.is_file() and len(outline(path)) == 64 for path in files.values())


def test_nothing_is_imported_to_find_the_code():
    program = """
import sys
from attncap.sweep.cells import Plan
from attncap.sweep import Grid
Plan.of(Grid("memorize", fixed={"source": "capitals"}))
print([name for name in ("jax", "attncap.construct", "attncap.train") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_changed_command_runs_again_and_its_results_are_kept(package: Path, tmp_path: Path):
    grid = Grid("shelfcells.cells:measure", product={"heads": [1, 2]})
    assert run(grid, tmp_path / "out").reused == 0
    first = set(table(tmp_path / "out")["code"])
    # Of another length: within a second, Python tells what it compiled from its source by length alone.
    changed(package, "2 * 2")
    more = Grid("shelfcells.cells:measure", product={"heads": [1, 2, 3]})
    reused = run(more, tmp_path / "out", reuse=True)
    assert (reused.cells, reused.resumed, reused.reused, reused.other_code) == (3, 2, 2, 0)
    assert table(tmp_path / "out")["result.value"].to_list() == [6, 12, 36]
    assert sorted(status(tmp_path / "out").codes.values()) == [1, 2]
    again = run(more, tmp_path / "out")
    assert (again.resumed, again.reused, again.other_code) == (1, 0, 2)
    assert table(tmp_path / "out")["result.value"].to_list() == [12, 24, 36]
    assert not first & set(table(tmp_path / "out")["code"])
    # Of what several codes gave, what is held is the last.
    assert [one and one["value"] for one in held(more, tmp_path / "out")] == [12, 24, 36]
    # What this code has done itself comes before what other code did.
    assert run(more, tmp_path / "out", reuse=True).reused == 0
    with sqlite3.connect(tmp_path / "out" / "results.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM cells").fetchone() == (5,)
    # Of two codes, the later.
    changed(package, "2 * 2 * 2")
    assert run(more, tmp_path / "out", reuse=True).reused == 3
    assert table(tmp_path / "out")["result.value"].to_list() == [12, 24, 36]
    connection.close()


def test_a_registered_command_is_known_by_its_name(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (package / "moved.py").write_text(PACKAGE["cells.py"])
    monkeypatch.setitem(sweep.COMMANDS, "measure", "shelfcells.cells:measure")
    run(Grid("measure"), tmp_path / "out")
    assert run(Grid("shelfcells.cells:measure"), tmp_path / "out").resumed == 1
    monkeypatch.setitem(sweep.COMMANDS, "measure", "shelfcells.moved:measure")
    assert run(Grid("measure"), tmp_path / "out").resumed == 1
    assert run(Grid("shelfcells.cells:measure"), tmp_path / "out").resumed == 0


def test_the_precision_is_part_of_a_cell():
    program = """
import json
from attncap.sweep.cells import Plan
from attncap.sweep import Grid
print(next(Plan.of(Grid("memorize", fixed={"source": "capitals"})).cells()).identity)
"""
    found = []
    for wide in ("0", "1"):
        environment = {**os.environ, "JAX_ENABLE_X64": wide}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout)["precision"])
    assert found == ["float32", "float64"]


def test_names_never_collide(tmp_path: Path):
    options = {"seconds": 5, "status": "x", "key": 1, "result.a": 2, "option.seconds": 3, "code": 4, "heads": 6}
    run(Grid("collections:Counter", fixed=options), tmp_path)
    row = table(tmp_path).row(0, named=True)
    assert {name: row[column(name)] for name in options} == options
    assert (row["status"], row["heads"], row["result.seconds"]) == ("done", 6, 5)
    assert row["seconds"] < 5
    assert len({*map(column, options)}) == len(options)


@pytest.mark.parametrize("version", [1, 2])
def test_a_store_of_an_earlier_version_is_read_and_its_results_kept(tmp_path: Path, version: int):
    grid = Grid("collections:Counter", product={"heads": [1, 2]})
    run(grid, tmp_path)
    code = next(iter(status(tmp_path).codes))
    with sqlite3.connect(tmp_path / "results.sqlite") as connection:
        connection.execute("DROP INDEX twins")
        connection.execute("ALTER TABLE cells DROP COLUMN twin")
        if version == 1:
            connection.execute("UPDATE cells SET identity = json_insert(identity, '$.code', 'attncap 0.1.0')")
            connection.execute("ALTER TABLE cells DROP COLUMN code")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    assert table(tmp_path)["result.heads"].to_list() == [1, 2]
    assert status(tmp_path).codes == {"attncap 0.1.0" if version == 1 else code: 2}
    if version == 2:
        assert (run(grid, tmp_path).resumed, table(tmp_path)["result.heads"].to_list()) == (2, [1, 2])


def test_files_of_a_cell_are_whole_and_stay(tmp_path: Path):
    from attncap import archive

    grid = Grid(
        "memorize", fixed={"embedding_dim": 8}, product={"source": ["random:20,2,60", "random:2,2,5"]}, files=True
    )
    assert run(grid, tmp_path, workers=1).failed == 1
    kept = table(tmp_path).filter(status="done")["key"].to_list()
    assert [path.name for path in (tmp_path / "files").iterdir()] == kept
    memory = archive.read(tmp_path / "files" / kept[0])
    assert memory.task.associations == 60
    assert run(grid, tmp_path, retry_failed=True).resumed == 1
