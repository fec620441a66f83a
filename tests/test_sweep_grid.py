import datetime
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncap.commands.options import described, options
from attncap.errors import InputError
from attncap.sweep import COMMANDS, Command, Grid, load
from attncap.sweep.cells import Plan, key
from attncap.sweep.commands import defaults, resolve

names = st.text("abcdefgh", min_size=1, max_size=3)
values = st.lists(st.integers() | st.floats(0, 1) | st.text("ab", max_size=3), min_size=1, max_size=5)


def train(*, heads: int, steps: int = 10, dtype: str = "float32", seed: int = 0) -> dict:
    return {"heads": heads}


def longer(*, heads: int, steps: int = 20, dtype: str = "float32", seed: int = 0) -> dict:
    return {"heads": heads}


def plan(function=train, command=None, **tables) -> Plan:
    """A plan of a function that is not imported by name."""
    command, grid = command or Command(function), Grid("tests:train", **tables)
    return Plan(grid, "tests:train", command, defaults(command, grid.options), "code", "float32", grid.pack_size or 1)


@given(st.dictionaries(names, values, max_size=3), st.integers(0, 3), st.integers(1, 4), st.integers(1, 3))
def test_a_grid_has_every_combination_once(products, zips, rows, seeds):
    zipped = {f"zip{n}": list(range(rows)) for n in range(zips)}
    grid = Grid("any", product=products, zip=zipped, seeds=seeds)
    cells = list(grid)
    expected = math.prod(len(v) for v in products.values()) * (rows if zips else 1) * seeds
    assert len(grid) == len(cells) == expected
    assert all(len({cell[name] for name in zipped}) <= 1 for cell in cells)
    if all(len(set(map(repr, v))) == len(v) for v in products.values()):
        assert len({json.dumps(cell, sort_keys=True) for cell in cells}) == expected


def test_a_key_hashes_everything_that_changes_the_number(tmp_path: Path):
    def keys(**change):
        return {cell.key for cell in plan(**change).cells()}

    base = {"fixed": {"heads": 2}, "seeds": 2}
    known = keys(**base)
    assert len(known) == 2
    for change in (
        {"fixed": {"heads": 3}},
        {"fixed": {"heads": 2, "dtype": "float64"}},
        {"device": "gpu"},
        {"pack_size": 2},
        {"threads": 2},
        {"function": longer},
    ):
        assert not known & keys(**(base | change)), change
    assert known < keys(**(base | {"seeds": 3}))
    facts = tmp_path / "facts.csv"
    facts.write_text("France,Paris")
    of_file = keys(fixed={"heads": 2, "dtype": str(facts)})
    other = tmp_path / "other.csv"
    other.write_text("France,Lyon")
    assert not of_file & keys(fixed={"heads": 2, "dtype": str(other)})


def test_a_key_is_the_hash_of_the_identity():
    cell = next(plan(fixed={"heads": 2}).cells())
    assert cell.key == key(cell.identity + cell.code)
    assert json.loads(cell.identity)["defaults"] == {"steps": 10, "dtype": "float32", "seed": 0}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ('comand = "train"', "unknown key 'comand'; did you mean 'command'?"),
        ("seeds = 2", "the key command is missing"),
        ('command = "train"\nseeds = 0', "seeds: expected a whole number of at least 1, got 0"),
        ('command = "train"\nseeds = "5"', "seeds: expected a whole number, got '5'"),
        ('command = "train"\nseeds = true', "seeds: expected a whole number, got True"),
        ('command = "train"\n[product]\nheads = 3', r"\[product\] heads: expected a list of values, got 3"),
        ('command = "train"\n[product]\nheads = []', r"\[product\] heads: expected a list of values, got \[\]"),
        ('command = "train"\n[zip]\na = [1]\nb = [1, 2]', r"\[zip\]: expected lists of one length"),
        ('command = "train"\n[fixed]\na = 1\n[zip]\na = [1]', "a: is given twice"),
        ('command = "train"\nseeds = 2\n[fixed]\nseed = 1', "seed: is given twice"),
        ('command = "train"\ndevice = "tpu"', "device: expected cpu or gpu, got 'tpu'"),
        ('command = "train', "expected TOML"),
    ],
)
def test_a_wrong_spec_is_refused_by_name(tmp_path: Path, spec: str, message: str):
    path = tmp_path / "spec.toml"
    path.write_text(spec)
    with pytest.raises(InputError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (Grid("memorise"), "unknown 'memorise'; did you mean 'memorize'?"),
        (Grid("no.such:thing"), "cannot import no.such"),
        (Grid("collections:Conter"), "collections has no 'Conter'; did you mean 'Counter'?"),
        (Grid("math:pi"), "expected a function or a Command, got a float"),
        (Grid("glob:glob"), "option 'pathname' is missing"),
        (Grid("glob:glob", fixed={"path-name": "*"}), "unknown option 'path_name'; did you mean 'pathname'?"),
        (Grid("glob:glob", fixed={"pathname": "*"}, seeds=2), "glob takes no seed"),
        (Grid(lambda: {}), "so no worker can import it"),
        (Grid(Command(train)), "so no worker can import it"),
        (Grid("memorize", fixed={"source": "capitals"}, product={"heads": [8, 8.5]}), "heads: expected a whole number"),
        (Grid("memorize", fixed={"source": "capitals", "method": "magrin"}), "did you mean 'margin'"),
        (Grid("memorize", fixed={"source": datetime.date(2025, 1, 1)}), "neither a number"),
        (Grid("memorize", fixed={"source": "capitals", "embedding-dim": "eight"}), "embedding_dim: expected a whole"),
        (
            Grid("memorize", fixed={"source": "capitals"}, product={"embedding-dim": [8, 8.5]}),
            "embedding_dim: expected",
        ),
        (Grid("memorize", fixed={"source": "nofile.csv"}), "nofile.csv: no such file"),
        (Grid("interpolation", fixed={"ratio": 1, "ridge": 1}, files=True), "no parameter 'files'"),
    ],
)
def test_a_grid_that_is_none_of_its_command_is_refused(grid: Grid, message: str):
    with pytest.raises(InputError, match=message):
        Plan.of(grid)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_registered_command_is_found_and_describes_its_options(name: str):
    function = resolve(name).function
    assert options(function).keys() <= described(function).keys()


def test_a_callable_is_found_by_its_name():
    assert Plan.of(Grid(json.loads, fixed={"s": "{}"})).reference == "json:loads"
    assert resolve("collections:Counter").pack is None
