"""The pages: every block runs or says why not, lists are lists, and the API shows every public name."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^(?P<before>[^\n]*)\n```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
# The runner of conftest.py takes these; every other block says why it does not run.
RUN = {"python", "console", "toml"}
MARK = re.compile(r"<!-- (?P<kind>not run|slow): .+ -->")


def blocks(page):
    return list(BLOCK.finditer(page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_runs_or_says_why_not(page):
    found = blocks(page)
    assert 2 * len(found) == len(re.findall(r"^```", page.read_text(), re.MULTILINE))
    for block in found:
        assert (block["language"] in RUN) != bool(MARK.fullmatch(block["before"])), block[0]


def test_python_blocks_are_sessions():
    """A block without `>>>` would run, and compare nothing."""
    shown = [block["body"] for page in PAGES for block in blocks(page) if block["language"] == "python"]
    assert len(shown) > 10
    assert all(body.startswith(">>> ") for body in shown)


SLOW = [
    line.removeprefix("$ ")
    for page in PAGES
    for block in blocks(page)
    if block["before"].startswith("<!-- slow")
    for line in block["body"].splitlines()
]


@pytest.mark.slow
@pytest.mark.parametrize("command", SLOW)
def test_slow_blocks_run(command, tmp_path):
    words = shlex.split(command)
    assert words[0] == "attncap"
    subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, check=True, capture_output=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocstrings")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def api():
    spec = importlib.util.spec_from_file_location("_api", ROOT / "docs" / "_api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_api_shows_every_public_name(site):
    faces = api().faces()
    assert sum(map(len, faces.values())) > 100
    assert {"attncap.construct", "attncap.scaling", "attncap.archive"} <= set(faces)
    page = (site / "api.html").read_text()
    assert api().missing(page, faces) == []
    assert api().missing(page, {"attncap.tasks": ["load", "forget"]}) == ["attncap.tasks.forget"]


def test_a_part_that_no_page_shows_is_missing(tmp_path):
    (tmp_path / "__init__.py").write_text("__all__ = ['low']")
    (tmp_path / "low.py").write_text("def shown(): ...\ndef _hidden(): ...")
    (tmp_path / "high").mkdir()
    (tmp_path / "high" / "__init__.py").write_text("from attncap.high.door import open\n__all__ = ['open']")
    (tmp_path / "private.py").write_text("def other(): ...")
    faces = api().faces(tmp_path)
    assert faces == {"attncap.high": ["open"], "attncap.low": ["shown"]}
    assert api().missing('<h2 id="attncap.low.shown">', faces) == ["attncap.high.open"]


def test_lists_and_formulas_are_drawn(site):
    """A list below a paragraph without an empty line, or below a formula that ended its list, stays text."""
    pages = list(site.glob("*.html"))
    assert len(pages) > 10
    for page in pages:
        text = page.read_text()
        assert re.findall(r"<p>[^<]*\n[*-] [A-Z]", text) == [], page.name
        assert "arithmatex" not in text, page.name
        assert re.search(r"(?<!\\)\$\$", re.sub(r"<(pre|code|script).*?</\1>", "", text, flags=re.DOTALL)) is None
