"""The pages: every block runs or says why not, every name and letter is shown, every link leads somewhere."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from attncap.bounds.symbols import QUANTITIES
from tests.browser import ARTIFACTS, WIDTHS, axe

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
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


def hook(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listed(nav):
    """The pages of a navigation, in order."""
    for entry in nav:
        for below in entry.values() if isinstance(entry, dict) else [entry]:
            yield from listed(below) if isinstance(below, list) else [below]


def test_every_page_ends_with_a_sentence_that_links_to_the_next():
    yaml = pytest.importorskip("yaml")
    order = list(listed(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(order) == [page.name for page in PAGES[1:]]
    follows = dict(pairwise(order))
    # The parts of the API come between.
    follows["commands.md"] = "api/archive.md"
    for page, after in follows.items():
        last = (DOCS / page).read_text().rstrip().rpartition("\n\n")[2]
        assert last.startswith("Next: "), page
        assert re.findall(r"\]\(([^)#]+)", last) == [after], page


def test_notation_has_every_letter_of_the_catalogue():
    rows = [line for line in (DOCS / "notation.md").read_text().splitlines() if line.startswith("| ")]
    for name, quantity in QUANTITIES.items():
        row = next((row for row in rows if f"`{name}`" in row), "")
        assert f"${quantity.letter}$" in row.split("|")[1].replace(" = ", "$ = "), name


def test_the_release_has_one_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1] == version
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == version


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\((?!https:)([^)#]+)#?([^)]*)\)", (ROOT / "README.md").read_text())
    assert "docs/one-layer.svg" in dict(links)
    for path, anchor in links:
        assert (ROOT / path).is_file(), path
        headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings], anchor


@pytest.mark.parametrize("name", ["reproduction", "commands"])
def test_the_readme_shows_what_was_measured(name):
    table = (DOCS / "measured" / f"{name}.md").read_text()
    assert len(table.splitlines()) > 6
    assert table in (ROOT / "README.md").read_text()


def test_the_picture_is_drawn_from_the_measured_table():
    """Vega writes into each point what it stands for."""
    spec = importlib.util.spec_from_file_location("one_layer", ROOT / "examples" / "one_layer.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    table = script.read(DOCS / "measured" / "one_layer.md")
    shown = (DOCS / "one-layer.svg").read_text()
    # The line of a series says what its first point does.
    drawn = set(re.findall(r'heads H: (\d+); bits held: ([\d,]+); series: ([^"]+)"', shown))
    for name in list(script.SERIES)[1:3]:
        measured = table.select("heads", script.SERIES[name][0]).drop_nulls().rows()
        assert {(heads, bits) for heads, bits, series in drawn if series == name} == {
            (str(heads), f"{bits:,.0f}") for heads, bits in measured
        }


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("material", reason="needs mkdocs-material")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return out


class Page(HTMLParser):
    """What a page links to, loads, and can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.ids = [], [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.add(found.get("id"))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in ("link", "script", "img", "iframe", "source"):
            self.loads += [found[name] for name in ("href", "src") if name in found]


def test_every_link_and_anchor_leads_somewhere(site):
    pages = {path: Page(path) for path in built(site).values()}
    assert len(pages) > 40
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                assert parts.scheme in ("https", "mailto"), (path.name, link)
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), (path.name, link)
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, (path.name, link)


def test_nothing_is_loaded_from_elsewhere(site):
    for path in site.rglob("*.html"):
        assert [each for each in Page(path).loads if "//" in each] == [], path.name
    for path in site.rglob("*.css"):
        assert re.findall(r"url\([\"']?(?:https?:)?//[^)]*", path.read_text()) == [], path.name


def test_every_figure_is_on_a_page(site):
    figures = {path.name for path in site.glob("figures/*.svg")}
    assert figures == {f"{name}.svg" for name in hook("_figures").DRAWN}
    shown = "".join(path.read_text() for path in DOCS.glob("*.md") if path.name != "gallery.md")
    assert [name for name in figures if f"(figures/{name})" not in shown] == []


def test_formulas_are_drawn_in_a_font_of_the_site(site):
    from fontTools.ttLib import TTFont

    font = TTFont(site / "assets" / "stix-two-math.woff")
    assert "MATH" in font
    assert {ord("="), 0x1D44A, 0x2211, 0x3A3} - font.getBestCmap().keys() <= {0x3A3}
    assert "stix-two-math.woff" in (site / "assets" / "site.css").read_text()


def test_the_api_shows_every_public_name(site):
    api = hook("_api")
    faces = api.faces()
    assert sum(map(len, faces.values())) > 100
    assert {"attncap.construct", "attncap.scaling", "attncap.archive"} <= set(faces)
    pages = api.rendered(site)
    assert api.missing(pages, faces) == []
    assert api.missing(pages, {"attncap.tasks": ["load", "forget"]}) == ["attncap.tasks.forget"]
    index = (site / "api.html").read_text()
    assert [name for part, names in faces.items() for name in names if f"#{part}.{name}" not in index] == []


def test_examples_of_docstrings_are_shown_as_sessions(site):
    pages = hook("_api").rendered(site)
    assert pages.count("&gt;&gt;&gt;") > 100
    assert "<blockquote>" not in pages


def test_the_command_line_shows_every_option(site):
    page = (site / "commands.html").read_text()
    for words in ("attncap memorize", "attncap sweep status", "--query-key-rank", "--retry-failed", "--within"):
        assert words in page


def test_a_part_that_no_page_shows_is_missing(tmp_path):
    (tmp_path / "__init__.py").write_text("__all__ = ['low']")
    (tmp_path / "low.py").write_text("def shown(): ...\ndef _hidden(): ...")
    (tmp_path / "high").mkdir()
    (tmp_path / "high" / "__init__.py").write_text("from attncap.high.door import open\n__all__ = ['open']")
    (tmp_path / "private.py").write_text("def other(): ...")
    faces = hook("_api").faces(tmp_path)
    assert faces == {"attncap.high": ["open"], "attncap.low": ["shown"]}
    assert hook("_api").missing('<h2 id="attncap.low.shown">', faces) == ["attncap.high.open"]


def test_lists_and_formulas_are_drawn(site):
    """A list below a paragraph without an empty line, or below a formula that ended its list, stays text."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        text = page.read_text()
        assert re.findall(r"<p>[^<]*\n[*-] [A-Z]", text) == [], page.name
        assert "arithmatex" not in text, page.name
        assert [each for each in re.findall(r"<math.*?</math>", text, re.DOTALL) if "\\" in each] == [], page.name
        assert re.search(r"(?<!\\)\$\$", re.sub(r"<(pre|code|script).*?</\1>", "", text, flags=re.DOTALL)) is None


def built(site):
    """The pages, with the names of their pictures; the one for wrong addresses links from the root of a server."""
    pages = sorted(path for path in site.rglob("*.html") if path.name != "404.html")
    return {"docs-" + str(path.relative_to(site).with_suffix("")).replace("/", "-"): path for path in pages}


# What is wider than the window and not inside of something that scrolls: the theme's closed search is none of it.
WIDER = "() => document.scrollingElement.scrollWidth - innerWidth"


def test_pages_open_on_a_telephone(site, page):
    """No error, no request beyond the site, nothing to scroll sideways."""
    page.set_viewport_size({"width": 390, "height": 844})
    for name, path in built(site).items():
        page.goto(path.as_uri())
        assert page.evaluate(WIDER) <= 0, name


@pytest.mark.parametrize("name", ["docs-index", "docs-trained"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read_by_everyone(site, page, name, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(built(site)[name].as_uri())
    assert axe(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_by_everyone(site, page, scheme):
    """And leaves its pictures in artifacts/."""
    ARTIFACTS.mkdir(exist_ok=True)
    page.emulate_media(color_scheme=scheme)
    for name, path in built(site).items():
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.goto(path.as_uri())
            page.screenshot(path=ARTIFACTS / f"{name}-{width}-{scheme}.png", full_page=True, animations="disabled")
            assert page.evaluate(WIDER) <= 0, (name, width)
        assert axe(page) == [], name


def test_search_works_without_a_server(site, page):
    page.goto((site / "index.html").as_uri())
    # The page listens to keys.
    page.get_by_placeholder("Search").press_sequentially("leave-one-out")
    page.locator(".md-search-result__item a[href*='living.html']").first.wait_for()
