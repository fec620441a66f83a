"""Measured numbers of the pages stand in files that a named command writes."""

import importlib.util
import re
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import page as benchmark

ROOT = Path(__file__).parents[1]
DOCS = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
MEASURED = sorted(benchmark.MEASURED.iterdir())
INCLUDED = re.compile(r'^--8<-- "(?P<path>docs/measured/[^"]+)"$', re.MULTILINE)
BACKED = re.compile(r"<!-- (?:written by: (?:python -m benchmarks|attncap)|not measured:) .+ -->")
CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
TABLE = re.compile(r"(?:^\|.*\n?)+", re.MULTILINE)
DECIMAL = re.compile(r"(?<![\d:])\d*\.\d+")


def unbacked(text):
    """The tables of a page that show decimal numbers below no line that names the command that writes them."""
    text = CODE.sub("", text)
    # Formulas, names in code and addresses of papers are not measured.
    plain = re.compile(r"\$[^$\n]+\$|`[^`\n]+`|arXiv[: ][\d.]+|\([^()\s]*\)")
    found = [table for table in TABLE.finditer(text) if DECIMAL.search(plain.sub("", table[0]))]
    lines = [(text[: table.start()].rstrip().rpartition("\n")[2], table[0]) for table in found]
    return [table for above, table in lines if not BACKED.fullmatch(above)]


@pytest.mark.parametrize("path", MEASURED, ids=lambda path: path.name)
def test_a_measured_file_is_shown_and_names_its_command(path):
    first, empty, *table = path.read_text().splitlines()
    assert first == f"<!-- written by: python -m benchmarks {path.stem} --write -->"
    spec = importlib.util.find_spec(f"benchmarks.{path.stem}")
    assert spec is not None
    assert "def table()" in Path(spec.origin).read_text()
    assert empty == ""
    assert len(table) > 2
    assert all(one.count("|") == other.count("|") for one, other in pairwise(table))
    assert str(path.relative_to(ROOT)) in [found["path"] for text in DOCS.values() for found in INCLUDED.finditer(text)]


@pytest.mark.parametrize("page", DOCS)
def test_tables_of_decimal_numbers_name_their_command(page):
    assert unbacked(DOCS[page]) == []


def test_what_a_benchmark_writes_is_such_a_table(tmp_path):
    path = benchmark.write("chosen", ("H", "share"), [["1", ".5"]], tmp_path / "measured")
    text = path.read_text()
    assert unbacked(f"Some words.\n\n{text}") == []
    assert unbacked(text.partition("\n")[2]) == ["| H | share |\n| --- | --- |\n| 1 | .5 |\n"]
    assert unbacked("| H |\n|---|\n| `x.y` in $1.5$, arXiv:2411.10115 |\n") == []
    assert unbacked("```\n| 1.5 |\n```\n") == []
