"""The table of methods: what it names exists, and one entry is all that another method takes."""

import re
import subprocess
import sys

import pytest

import attncap as ac
from attncap import bounds, methods
from attncap.bounds import CATALOGUE
from attncap.bounds.sources import SOURCES
from attncap.errors import InputError
from attncap.methods import METHODS, Method

ENTRIES = pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: f"{method.kind}-{method.name}")
TASK = ac.tasks.random_associations(vocabulary=12, context=2, count=20, seed=3)


@ENTRIES
def test_entry_is_whole(method):
    assert callable(method.function)
    assert method.largest is None or callable(method.largest)
    assert method.bound is None or method.bound in CATALOGUE
    assert method.cites
    assert set(method.cites) <= SOURCES.keys()
    assert 0 <= method.resolution < 1
    assert methods.find(method.kind, method.name) is method


@ENTRIES
def test_every_method_is_cited_by_name(method):
    keys = set(re.findall(r"@\w+{(\w+),", ac.citation(method.name, method.kind)))
    assert keys >= set(method.cites)


def test_the_table_imports_no_method():
    code = (
        "import sys, attncap.methods; sys.exit(any(m.startswith(('attncap.construct', 'numpy')) for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_method_names_the_known_and_the_nearest():
    with pytest.raises(InputError, match="margin or joint or train for associations, got 'margins'; did you mean"):
        methods.find("associations", "margins")
    with pytest.raises(InputError, match="theorem or lstsq or chosen or train for examples"):
        methods.find("examples", "margin")


def toy(task, embedding_dim, head_dim, heads, **options):
    """Memorize at most 3 associations a head, by the theorem."""
    if task.associations > 3 * heads:
        raise ac.construct.NotMemorized("too many")
    return ac.construct.theorem(task, embedding_dim, head_dim, heads, **options)


def test_another_method_is_one_entry(monkeypatch):
    """A constructor of a stranger's is searched, planned, drawn and cited once it stands in the table."""
    entry = Method(
        kind="associations",
        name="toy",
        label="three a head",
        reference=f"{__name__}:toy",
        bound="corrected",
        cites=("cover1965",),
    )
    monkeypatch.setitem(METHODS, ("associations", "toy"), entry)
    found = ac.construct.capacity(vocabulary=12, context=2, embedding_dim=6, heads=5, method="toy", seeds=2)
    assert (found.method, found.capacity, found.bracket) == ("toy", 15, (15, 16))
    planned = {p.method: p for p in bounds.plan(TASK, embedding_dim=6, head_dim=3).plans}
    assert planned["toy"].heads == planned["theorem"].heads
    drawn = ac.plots.plan_chart(bounds.plan(TASK), points=2).to_dict()
    assert "three a head" in str(drawn)
    assert ac.citation("toy") == SOURCES["cover1965"].bibtex()
    assert SOURCES["cover1965"].bibtex() in ac.citation(found)
