"""The report: self-contained, true to the weights, and safe to open whatever the facts say."""

import dataclasses
import html.parser
import json
import re
import shutil
import subprocess

import pytest

from attncap import archive, construct, measure, plots, report, sums
from attncap.data.tables import Table
from attncap.errors import InputError
from attncap.tasks import facts, random_associations

EVIL = [
    '<script>document.title="pwned"</script>',
    '"><img src=x onerror=alert(1)>',
    "</script><b>",
    "{{ 7*7 }}",
    "& < > ' \"",
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    rows = [[f"subject {i} {evil}", evil] for i, evil in enumerate(EVIL)]
    task = facts(Table(f"table {EVIL[0]}", ["s", f"relation {EVIL[0]}"], rows, list(range(5))))
    out = archive.write(construct.theorem(task, embedding_dim=8), tmp_path_factory.mktemp("r") / "m")
    return report.write(out)


class Tags(html.parser.HTMLParser):
    """Collects tags, attributes and the text of scripts as a browser would see them."""

    def __init__(self):
        super().__init__()
        self.tags, self.links, self.scripts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href", "action")]

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "script":
            self.scripts.append(data)


def test_user_text_is_escaped(page):
    text = page.read_text(encoding="utf-8")
    parsed = Tags()
    parsed.feed(text)
    assert text.count("pwned") > 3
    assert parsed.tags.count("script") == 2
    assert "img" not in parsed.tags
    assert "49" not in parsed.scripts[0]
    data = json.loads(parsed.scripts[0])
    assert [row[2] for row in data] == [row[3] for row in data] == EVIL


def test_the_page_needs_no_network(page):
    parsed = Tags()
    parsed.feed(page.read_text(encoding="utf-8"))
    assert not [link for link in parsed.links if link and not link.startswith(("data:", "#"))]
    assert "default-src 'none'" in page.read_text(encoding="utf-8")


def test_the_page_shows_what_the_weights_answer(page):
    memory = archive.read(page.parent)
    text = page.read_text(encoding="utf-8")
    assert f"{memory.task.bits:,.0f} bits" in text
    assert "5 of 5" in text
    assert "<svg" in text


def test_what_was_verified_is_not_verified_again_unless_no_hash_vouches_for_it(page, tmp_path, monkeypatch):
    calls, verify = [], measure.verify
    monkeypatch.setattr(measure, "verify", lambda *given: calls.append(given) or verify(*given))
    known = report.write(page.parent, tmp_path / "known.html").read_text(encoding="utf-8")
    assert not calls
    bare = shutil.copytree(page.parent, tmp_path / "bare")
    (bare / sums.NAME).unlink()
    assert report.write(bare, tmp_path / "bare.html").read_text(encoding="utf-8") == known
    assert calls


def browse(page, folder):
    """Return what a browser makes of a page."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    quiet = ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}"]
    command = ["chromium", *flags, *quiet, "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


BROWSER = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")


@BROWSER
def test_a_browser_shows_the_facts_as_text(page, tmp_path):
    shown = browse(page, tmp_path)
    assert "<title>pwned" not in shown
    assert "5 facts" in shown
    assert "<td>&lt;script&gt;document.title=" in shown


def test_a_report_replaces_its_own_page_but_no_other(page, tmp_path):
    assert report.write(page.parent) == page
    other = tmp_path / "thesis.html"
    other.write_text("mine")
    with pytest.raises(InputError, match="force its replacement"):
        report.write(page.parent, other)
    assert other.read_text() == "mine"


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".html"])
def test_the_capacity_check_is_drawn_in_every_format(tmp_path, suffix):
    task = random_associations(20, 2, 100)
    fit = construct.theorem(task, embedding_dim=8)
    path = plots.save(plots.capacity_check(task, 8, fit=fit), tmp_path / f"c{suffix}")
    start = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF", ".html": b"<!DOCTYPE html>"}[suffix]
    assert path.read_bytes().lstrip()[:20].startswith(start)
    assert b"https://cdn" not in path.read_bytes()[:5000]


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"use \.html, \.svg, \.pdf, \.png"):
        plots.save(plots.capacity_check(random_associations(20, 2, 100), 8), tmp_path / "c.gif")
    assert list(tmp_path.iterdir()) == []


@BROWSER
def test_wrong_answers_come_first_and_all_can_be_shown(tmp_path):
    task = random_associations(20, 2, 300)
    fit = construct.theorem(task, embedding_dim=8)
    # Weights that answer the second half wrongly.
    half = task.subset(slice(0, 150))
    memory = archive.of(dataclasses.replace(fit, model=construct.theorem(half, embedding_dim=8).model))
    (tmp_path / "page.html").write_text(report.page.render(memory), encoding="utf-8")
    script = "<script>document.getElementById('more').click()</script></body>"
    text = (tmp_path / "page.html").read_text().replace("</body>", script)
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    shown = browse(tmp_path / "page.html", tmp_path)
    rows = re.findall(r"<tr>(<td>.*?)</tr>", shown[shown.index('id="facts"') :])
    assert len(rows) == 300
    marks = ['class="wrong"' in row for row in rows]
    assert 0 < sum(marks) < 300
    assert marks == sorted(marks, reverse=True)
    assert f"{sum(marks)} answered wrongly, which come first" in shown


def test_tables_scroll_inside_a_narrow_page(page):
    text = page.read_text(encoding="utf-8")
    assert text.count("<table>") == text.count('<div class="wide"><table>') == text.count("</table></div>") == 3
    assert "overflow-x: auto" in text
