"""The report: one page over any results, true to them, self-contained, and safe to open whatever they say."""

import base64
import dataclasses
import gzip
import hashlib
import html.parser
import json
import re
import shutil

import numpy as np
import polars as pl
import pytest

from attncap import archive, audit, construct, measure, memory, plots, report, sums, sweep, tasks
from attncap.data.tables import Table
from attncap.errors import InputError
from attncap.memory.organisms import organism
from attncap.papers import figure
from attncap.report import parts
from attncap.report.memory import certainty, of
from attncap.tasks import facts, random_associations
from benchmarks import report as benchmark
from tests import browser

EVIL = [
    '<script>document.title="pwned"</script>',
    '"><img src=x onerror=alert(1)>',
    "</script><b>",
    "{{ 7*7 }}",
    "& < > ' \"",
    "\u202egnp.exe",
]


class Tags(html.parser.HTMLParser):
    """Collects tags, links, headings and the text of scripts as a browser would see them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.scripts, self.headings = [], [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.kind = dict(attrs).get("type", "run")
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href", "action")]

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "script" and data.strip():
            self.scripts.setdefault(self.kind, []).append(data)
        if self.tags and self.tags[-1] == "h2" and data.strip():
            self.headings.append(data)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    rows = [[f"subject {i} {evil}", evil] for i, evil in enumerate(EVIL)]
    task = facts(Table(f"table {EVIL[0]}", ["s", f"relation {EVIL[0]}"], rows, list(range(len(EVIL)))))
    out = archive.write(construct.theorem(task, embedding_dim=8), tmp_path_factory.mktemp("r") / "m")
    return report.write(out)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """A directory of every kind, by name."""
    folder = tmp_path_factory.mktemp("kinds")
    towns = {"land": [f"land {i}" for i in range(12)], "town": [f"town {i}" for i in range(12)]}
    archive.write(construct.theorem(tasks.facts(towns), embedding_dim=8), folder / "memory")
    held = archive.read(folder / "memory")
    edited = memory.edit(held, [("land 3", "town", "Nantes")])
    memory.save(edited, folder / "edited")
    spec = folder / "organism.toml"
    spec.write_text(
        'sources = ["random:20,2,30"]\nshapes = [{embedding_dim = 8}]\n[[forget]]\nname = "few"\nsize = 3\n'
    )
    organism(spec, folder / "organism")
    options = {"vocabulary": 10, "context": 2, "method": "theorem", "seeds": 1}
    sweep.run(
        sweep.Grid("capacity", fixed=options, product={"embedding_dim": [4, 5], "heads": [1, 2]}), folder / "sweep"
    )
    rng = np.random.default_rng(0)
    np.savez(folder / "layer.npz", contexts=rng.standard_normal((60, 4, 8)), queries=rng.standard_normal((60, 8)))
    report.write_audit(audit.audit(folder / "layer.npz", subsets=50), folder / "audit")
    drawing = figure.Drawing(
        {"largest misfit": 0.25, "by heads": [{"heads": 1, "accuracy": 0.5}]},
        pl.DataFrame({"heads": [1, 2], "accuracy": [0.5, 0.75]}),
        plots.capacity_check(random_associations(10, 2, 20), 4),
    )
    (folder / "reproduction").mkdir()
    done = figure.write(
        figure.Figure("fig1", "a figure", {"accuracy": 0.6}, lambda *_: drawing), drawing, folder / "reproduction"
    )
    left = figure.Reproduced("fig2", {}, {"left_out": "no data"}, [])
    told = figure.plain(figure.Reproduction("dana2025", "quick", [done, left]))
    (folder / "reproduction" / "result.json").write_text(json.dumps(told))
    return folder


KINDS = {
    "memory": ["Capacity check", "Recall", "The facts", "Which head writes what", "Parameters"],
    "edited": ["Capacity check", "Recall", "What happened to it", "The facts", "Which head writes what", "Parameters"],
    "organism": ["Memories", "Forget sets"],
    "sweep": ["What came of it", "Every cell"],
    "audit": ["Assumptions"],
    "reproduction": ["fig1", "fig2"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_results_has_its_page(kinds, kind):
    page = report.write(kinds / kind, force=True)
    text = page.read_text(encoding="utf-8")
    assert page == kinds / kind / "report.html"
    assert Tags(text).headings == [*KINDS[kind], "Methods and sources"]
    assert "attncap 0." in text
    assert text.count("<title>") == 1
    assert report.write(kinds / kind) == page


def test_the_words_say_what_the_numbers_say(kinds):
    found = of(archive.read(kinds / "memory"))
    task = archive.read(kinds / "memory").task
    held = measure.memorized(archive.read(kinds / "memory").model, task)
    assert found.summary[0] == f"It answers all 12 facts right: {held.bits:,.0f} of the task's {task.bits:,.0f} bits."
    assert found.summary[1] == "Certified: no order of summation changes an answer, with weights in float32."
    assert re.search(r"It costs [\d,]+ parameters in use and [\d,]+ bytes, and took", found.summary[2])


RECALL = measure.Recall(12, 1.0, 0.5)


@pytest.mark.parametrize(
    ("recall", "start", "proved"),
    [
        (dataclasses.replace(RECALL, certified=True, certified_associations=12), "Certified: no order", True),
        (
            dataclasses.replace(
                RECALL, certified=False, certified_associations=12, arithmetic="float64", measured=("batch",)
            ),
            "Certified in float64 arithmetic: every answer. In that of float32 measured: right in 1 order",
            True,
        ),
        (
            dataclasses.replace(
                RECALL, certified=False, certified_associations=11, arithmetic="float32", measured=("batch",)
            ),
            "Certified in float32 arithmetic: 11 answers. In that of float32 measured",
            True,
        ),
        (dataclasses.replace(RECALL, certified=False, measured=("batch", "reverse")), "Measured, not certified", False),
        (dataclasses.replace(RECALL, certified=False), "Measured, not certified", False),
        (None, "Measured in float32, in one order of summation; nothing is proved.", False),
    ],
)
def test_certified_is_said_only_of_what_is_proved(recall, start, proved):
    said = certainty(recall, "float32", 12)
    assert said.startswith(start)
    assert said.startswith("Certified") == proved


def test_user_text_is_escaped(hostile):
    text = hostile.read_text(encoding="utf-8")
    parsed = Tags(text)
    assert text.count("pwned") > 3
    assert parsed.tags.count("script") == 2 + text.count('<script type="application/')
    assert parsed.tags.count("img") == text.count('<img class="still"')
    assert not any("pwned" in script or "49" in script[:200] for script in parsed.scripts["run"])
    tables = [json.loads(gzip.decompress(base64.b64decode(each))) for each in parsed.scripts["application/gzip"]]
    answers = [each["values"] for each in tables if len(each["values"]) == 5 and "head 1" not in each["values"][3]]
    assert [sorted(EVIL), sorted(EVIL)] in [[sorted(map(str, each)) for each in columns[2:4]] for columns in answers]


def test_the_page_needs_no_network_and_runs_its_own_scripts_only(hostile):
    text = hostile.read_text(encoding="utf-8")
    parsed = Tags(text)
    assert not [link for link in parsed.links if link and not link.startswith(("data:", "#"))]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy
    for script in re.findall(r"<script>(.*?)</script>", text, re.DOTALL):
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy


def test_what_was_verified_is_not_verified_again_unless_no_hash_vouches_for_it(hostile, tmp_path, monkeypatch):
    calls, verify = [], measure.verify
    monkeypatch.setattr(measure, "verify", lambda *given: calls.append(given) or verify(*given))
    known = report.write(hostile.parent, tmp_path / "known.html").read_text(encoding="utf-8")
    assert not calls
    assert "files are as SHA256SUMS lists them" in known
    bare = shutil.copytree(hostile.parent, tmp_path / "bare")
    (bare / sums.NAME).unlink()
    again = report.write(bare, tmp_path / "bare.html").read_text(encoding="utf-8")
    assert calls
    assert "no SHA256SUMS: not checked" in again
    assert "again, since no hash vouches" in again


def test_a_report_replaces_its_own_page_but_no_other(kinds, hostile, tmp_path):
    assert report.write(hostile.parent) == hostile
    other = tmp_path / "thesis.html"
    other.write_text("mine")
    with pytest.raises(InputError, match="force its replacement"):
        report.write(hostile.parent, other)
    (kinds / "sweep" / "report.html").unlink(missing_ok=True)
    (kinds / "sweep" / "report.html").write_text("mine")
    with pytest.raises(InputError, match="force its replacement"):
        report.write(kinds / "sweep")
    assert other.read_text() == (kinds / "sweep" / "report.html").read_text() == "mine"
    for kind, part in (("memory", "model.safetensors"), ("sweep", "results.sqlite"), ("audit", "audit.json")):
        with pytest.raises(InputError, match=r"is part of the \w+ that the report is about"):
            report.write(kinds / kind, kinds / kind / part, force=True)


def test_what_is_no_result_is_refused_in_a_line(tmp_path):
    with pytest.raises(InputError, match="no such directory"):
        report.write(tmp_path / "nothing")
    with pytest.raises(InputError):
        report.write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_wrong_answers_come_first():
    task = random_associations(20, 2, 300)
    fit = construct.theorem(task, embedding_dim=8)
    # Weights that answer the second half wrongly.
    half = task.subset(slice(0, 150))
    page = of(archive.of(dataclasses.replace(fit, model=construct.theorem(half, embedding_dim=8).model)))
    (table,) = [part for section in page.sections for part in section.parts if getattr(part, "name", "") == "facts"]
    _, stored, said, margins = (column.values for column in table.columns)
    assert 0 < table.wrong < 300
    assert [one != other for one, other in zip(stored, said, strict=True)] == [row < table.wrong for row in range(300)]
    assert all((margin <= 0) == (row < table.wrong) for row, margin in enumerate(margins))
    assert page.cards[0][0] == f"{300 - table.wrong} of 300"
    assert "right and" in page.summary[0]


def test_a_table_s_data_are_its_rows():
    columns = (parts.Column("word", ["b", None]), parts.numbers("bits", [2.0, float("nan")], "{:.1f} bits"))
    table = parts.Table("words", columns)
    data = json.loads(gzip.decompress(base64.b64decode(table.data)))
    assert data == {"values": [["b", None], [2.0, None]], "shown": [None, ["2.0 bits", "–"]]}
    assert table.written == [("b", "2.0 bits"), ("–", "–")]
    assert parts.Table("words", columns).data == table.data


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".html", ".json"])
def test_the_capacity_check_is_drawn_in_every_format(tmp_path, suffix):
    task = random_associations(20, 2, 100)
    fit = construct.theorem(task, embedding_dim=8)
    path = plots.save(plots.capacity_check(task, 8, fit=fit), tmp_path / f"c{suffix}")
    starts = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF", ".html": b"<!DOCTYPE html>", ".json": b"{"}
    assert path.read_bytes().lstrip()[:20].startswith(starts[suffix])
    assert b"https://cdn" not in path.read_bytes()[:5000]


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"use \.html, \.svg, \.pdf, \.png, \.json"):
        plots.save(plots.capacity_check(random_associations(20, 2, 100), 8), tmp_path / "c.gif")
    assert list(tmp_path.iterdir()) == []


def shown(page, path):
    """Open a report and wait until its tables and figures are alive."""
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('.table:not([data-ready])').length === 0")
    page.wait_for_function("document.querySelectorAll('figure.chart:not([data-drawn])').length === 0")
    return page


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "memory"])
def test_a_page_is_accessible_and_fits_every_screen(kinds, page, kind):
    shown(page, report.write(kinds / kind, kinds / f"{kind}.html", force=True))
    assert browser.axe(page) == []
    browser.screenshots(page, f"report-{kind}")


def test_hostile_text_is_text(hostile, page):
    shown(page, hostile)
    assert "pwned" not in page.title() or page.title().startswith("table <script>")
    facts = page.locator(".table[data-name=facts] tbody")
    assert sorted(facts.locator("td:nth-child(3)").all_inner_texts()) == sorted(EVIL)
    assert page.locator("main img:not(.still), main b").count() == 0
    assert "7*7" in facts.inner_text()
    browser.screenshots(page, "report-hostile")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """The page of the benchmark's memory, smaller: 2,000 facts, most of them answered wrongly."""
    directory = benchmark.memory(tmp_path_factory.mktemp("many") / "memory", 2000)
    page = report.write(directory)
    assert page.stat().st_size < 1.5e6
    return page, archive.read(directory).task


def rows(table):
    return [row.split("\t") for row in table.locator("tbody tr").all_inner_texts()]


def test_tables_are_paged_searched_and_sorted(many, page):
    path, task = many
    table = shown(page, path).locator(".table[data-name=facts]")
    status, heading = table.locator("output"), table.get_by_role("columnheader", name="margin")
    assert status.inner_text() == "2,000 of 2,000 rows"
    assert len(rows(table)) == 25
    assert "Page 1 of 80" in table.inner_text()
    assert table.locator("tbody tr.wrong").count() == 25
    table.get_by_role("button", name="Last").click()
    assert "Page 80 of 80" in table.inner_text()
    assert table.get_by_role("button", name="Next").is_disabled()
    for order, sign in (("ascending", 1), ("descending", -1)):
        heading.get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == order
        found = [sign * float(row[4]) for row in rows(table)]
        assert found == sorted(found)
    search = table.get_by_role("searchbox")
    search.fill("subject 12 relation 7")
    wanted = ("subject", "12", "relation", "7")
    texts = [" ".join([*task.words(row)[0], task.words(row)[1]]) for row in range(2000)]
    least = sum(all(word in text for word in wanted) for text in texts)
    # What the model answers and the margins are searched too.
    assert int(status.inner_text().split()[0].replace(",", "")) >= least >= 1
    assert all(all(word in " ".join(row) for word in wanted) for row in rows(table))
    search.fill("no such word")
    assert status.inner_text() == "0 of 2,000 rows"


def saved(page, button):
    with page.expect_download() as waiting:
        button.click()
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


def test_figures_and_tables_are_saved(kinds, page):
    figures = shown(page, report.write(kinds / "memory", kinds / "saved.html", force=True)).locator("figure.chart")
    check = figures.first
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("CSV", b"")):
        name, data = saved(page, check.get_by_role("button", name=kind))
        assert name == f"capacity-check.{kind.lower()}"
        assert data.startswith(start)
    frame = pl.read_csv(data)
    task = archive.read(kinds / "memory").task
    assert {"series", "heads", "bits"} <= set(frame.columns)
    assert frame.filter(pl.col("memory") == "this memory")["bits"].to_list() == pytest.approx([task.bits])
    name, data = saved(page, page.locator(".table[data-name=facts]").get_by_role("button", name="CSV"))
    table = pl.read_csv(data)
    assert (name, table.height, table.columns[:2]) == ("facts.csv", 12, ["subject", "relation"])
    assert sorted(table["stored"]) == sorted(f"town {number}" for number in range(12))


FIRST = "before => document.querySelector('figure.chart .mark-line path[d]')?.getAttribute('d')"


def test_figures_answer_the_pointer_and_the_keyboard(kinds, page):
    path = report.write(kinds / "memory", kinds / "figures.html", force=True)
    check = shown(page, path).locator("figure.chart").first
    lines = check.locator(".mark-line path[d]")
    before = lines.count()
    entry = check.get_by_role("button", name="trained: 2 bits per parameter")
    entry.focus()
    page.keyboard.press("Enter")
    assert entry.get_attribute("aria-pressed") == "false"
    page.wait_for_function("n => document.querySelectorAll('figure.chart .mark-line path[d]').length < n", arg=before)
    entry.click()
    page.wait_for_function("n => document.querySelectorAll('figure.chart .mark-line path[d]').length >= n", arg=before)
    drawn = lines.first.get_attribute("d")
    check.get_by_role("button", name="Zoom in").click()
    page.wait_for_function(FIRST + " !== before", arg=drawn)
    check.get_by_role("button", name="Reset").click()
    page.wait_for_function(FIRST + " === before", arg=drawn)
    check.locator(".mark-symbol.role-mark path").last.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "this memory" in page.locator("#vg-tooltip-element").inner_text()


def test_without_scripts_there_is_a_picture_and_the_first_rows(many, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(many[0].as_uri())
    assert page.locator("figure.chart img.still").first.is_visible()
    assert page.locator(".table[data-name=facts] tbody tr").count() == parts.WRITTEN
    assert "The first 100 of 2,000 rows" in page.inner_text("main")
    context.close()


def test_paper_gets_the_pictures(kinds, page):
    shown(page, report.write(kinds / "memory", kinds / "paper.html", force=True))
    page.emulate_media(media="print")
    assert page.locator("figure.chart img.still").first.is_visible()
    assert not page.locator("figure.chart .live").first.is_visible()
    assert not page.locator(".tools").first.is_visible()
