"""The explorer's page: its numbers are the catalogue's, in any engine; and what a reader does with it in a browser."""

import json
import math
import re
from importlib.resources import files

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from py_mini_racer import MiniRacer

from attncap.bounds import CATALOGUE, evaluate
from attncap.bounds.javascript import bundle
from attncap.bounds.values import complete
from attncap.errors import UnmetError
from attncap.explore import write_static
from attncap.explore.page import SERIES, SLIDERS
from attncap.numerics.bracketing import smallest

from .browser import axe, screenshots
from .explorer import exploring

expect = pytest.importorskip("playwright.sync_api").expect

BOUNDS = [bound for bound, *_ in SERIES]
HOSTILE = '<img src=x onerror="document.title=1">'
TABLE = f'country,capital,"{HOSTILE.replace(chr(34), chr(34) * 2)}"\nPeru,Lima,</script>\nFiji,Suva,b\nChad,“N”,c\n'


# What the sliders give: equal steps are equal factors.
SHAPES = st.fixed_dictionaries(
    {
        name: st.floats(0, 1).map(lambda x, least=least, most=most: round(least * (most / least) ** x))
        for name, (least, most, _) in SLIDERS.items()
    }
).map(lambda sizes: sizes | {"associations": min(sizes["associations"], sizes["vocabulary"] ** sizes["context"])})
# What is counted of a table, whose answers hold as many bits as they do.
TABLES = st.fixed_dictionaries(
    {
        "associations": st.integers(1, 3000),
        "bits": st.floats(1, 30_000),
        "data_rank": st.integers(1, 500),
        "queries": st.integers(1, 200),
        "answers": st.integers(1, 300),
    }
)


def expected(sizes, table=None):
    """What Python says of each bound: associations, bits, bits per parameter, heads for the task."""
    counted = {name: table[name] for name in ("data_rank", "queries", "answers")} if table else {}
    shape = {name: value for name, value in sizes.items() if name != "associations"}
    shape |= counted or {"answers": complete(sizes)["answers"]}
    each = table["bits"] / table["associations"] if table else math.log2(sizes["vocabulary"])
    return {row.id: (*_held(row, each), _heads(row.id, shape, sizes["associations"], each)) for row in _rows(shape)}


def _rows(shape):
    return [row for row in evaluate(**shape).bounds if row.id in BOUNDS]


def _held(row, each):
    if row.value is None:
        return None, None, None
    bits = row.value if row.unit == "bits" else row.value * each
    return bits / each, bits, bits / row.parameters


def _heads(id, shape, associations, each):
    bound, others = CATALOGUE[id], {name: value for name, value in shape.items() if name != "heads"}
    if bound.unit == "bits":
        return smallest(lambda heads: bound.value(complete({**others, "heads": heads})) >= associations * each)
    try:
        return bound.invert(associations, complete(others), "heads")
    except UnmetError:
        return None


@pytest.fixture(scope="module")
def engine():
    made = MiniRacer()
    made.eval(bundle() + files("attncap.explore").joinpath("templates/numbers.js").read_text())
    made.eval(
        """function all(sizes, table, ids) {
             const shape = completed(sizes, table), each = bitsEach(sizes, table), rows = {};
             for (const id of ids) {
               const { associations, bits } = promised(attncap.bounds[id], shape, each);
               const rate = bits === null ? null : bits / shape.parameters;
               rows[id] = [associations, bits, rate, headsFor(attncap.bounds[id], sizes, table)];
             }
             return rows;
           }"""
    )
    return lambda *given: json.loads(made.eval(f"JSON.stringify(all({', '.join(map(json.dumps, given))}))"))


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for id, row in wanted.items():
        assert [None if x is None else pytest.approx(x, rel=1e-9) for x in row] == found[id], id


@settings(max_examples=60, deadline=None)
@given(SHAPES)
@example({"vocabulary": 200, "context": 2, "associations": 1000, "embedding_dim": 16, "head_dim": 16, "heads": 9})
@example({"vocabulary": 200, "context": 2, "associations": 20, "embedding_dim": 16, "head_dim": 16, "heads": 9})
@example({"vocabulary": 2, "context": 1, "associations": 2, "embedding_dim": 1, "head_dim": 1, "heads": 1})
def test_the_numbers_are_those_of_python(engine, sizes):
    same(engine(sizes, None, BOUNDS), expected(sizes))


@settings(max_examples=40, deadline=None)
@given(SHAPES, TABLES)
def test_the_numbers_of_a_table_are_those_of_python(engine, sizes, table):
    sizes = sizes | {"associations": table["associations"]}
    same(engine(sizes, table, BOUNDS), expected(sizes, table))


# ---- the static page in a browser ----


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    return write_static(tmp_path_factory.mktemp("static") / "explore.html")


@pytest.fixture
def opened(page, static):
    page.goto(static.as_uri())
    expect(page.locator("#headline")).to_contain_text("bits")
    return page


def shown(page):
    """The numbers that the table shows, in full."""
    cells = page.locator("#numbers tbody tr").evaluate_all(
        """rows => rows.map(row => [row.dataset.bound,
             [...row.querySelectorAll("[data-value]")].map(cell => JSON.parse(cell.dataset.exact))])"""
    )
    return dict(cells)


def drawn(page):
    """Wait until the page has drawn what it was told."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def put(page, **sizes):
    for name, value in sizes.items():
        page.locator(f"#{name}-exact").fill(str(value))
        page.locator(f"#{name}-exact").press("Enter")
    drawn(page)


@pytest.mark.parametrize(
    "sizes",
    [
        {"vocabulary": 50, "context": 2, "associations": 500, "embedding_dim": 10, "head_dim": 10, "heads": 20},
        {"vocabulary": 5000, "context": 3, "associations": 90_000, "embedding_dim": 64, "head_dim": 32, "heads": 700},
        {"vocabulary": 30, "context": 1, "associations": 30, "embedding_dim": 8, "head_dim": 16, "heads": 4},
    ],
)
def test_the_page_shows_what_python_computes(opened, sizes):
    put(opened, **sizes)
    same(shown(opened), expected(sizes))
    # The address holds the shape.
    again = opened.context.new_page()
    again.goto(opened.url)
    expect(again.locator("#heads-exact")).to_have_value(str(sizes["heads"]))
    assert shown(again) == shown(opened)


def test_sliders_move_the_numbers_and_the_figure(opened):
    before, curves = shown(opened), opened.locator("#figure .curve").evaluate_all("all => all.map(c => c.outerHTML)")
    assert len(curves) == len(BOUNDS)
    for name, key in (("heads", "ArrowRight"), ("head_dim", "ArrowUp"), ("embedding_dim", "PageUp")):
        value = int(opened.locator(f"#{name}-exact").input_value())
        opened.locator(f"#{name}").press(key)
        drawn(opened)
        assert int(opened.locator(f"#{name}-exact").input_value()) > value
        assert opened.locator(f"#{name}").get_attribute("aria-valuetext")
    assert shown(opened)["dana2025"][0] > before["dana2025"][0]
    assert opened.locator("#figure .curve").evaluate_all("all => all.map(c => c.outerHTML)") != curves
    opened.locator("#heads").press("Home")
    expect(opened.locator("#heads-exact")).to_have_value("1")
    opened.locator("#figure svg").click(position={"x": 400, "y": 150})
    drawn(opened)
    assert int(opened.locator("#heads-exact").input_value()) > 1
    needed = shown(opened)["dana2025"][3]
    opened.locator('[data-bound="dana2025"] button').click()
    expect(opened.locator("#heads-exact")).to_have_value(str(needed))
    expect(opened.locator('[data-bound="dana2025"] .holds')).to_have_count(1)


def test_numbers_are_held_to_their_ranges(opened):
    put(opened, vocabulary=4, context=2)
    expect(opened.locator("#associations-exact")).to_have_value("16")
    put(opened, heads=10**9, head_dim=-3)
    expect(opened.locator("#heads-exact")).to_have_value("100000")
    expect(opened.locator("#head_dim-exact")).to_have_value("1")


def test_a_law_says_where_it_was_measured(opened):
    put(opened, embedding_dim=64)
    expect(opened.locator('[data-bound="margin"] .why')).to_have_text("says nothing here: 4 <= d <= 20 (measured)")
    assert shown(opened)["margin"][:3] == [None, None, None]


def test_the_static_page_stands_alone(opened):
    assert opened.locator("form, [type=file], #memory").count() == 0
    screenshots(opened, "explore-static")
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        assert axe(opened) == []


def test_the_page_runs_only_what_it_holds(static):
    text = static.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src &#39;none&#39;")
    assert "unsafe" not in policy
    assert "connect-src" not in policy
    assert not re.search(r"(src|href)=\"?(http|//)", text)
    assert len(text) < 200_000


# ---- with a server ----


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    pytest.importorskip("uvicorn")
    with exploring("--dir", tmp_path_factory.mktemp("page") / "kept") as running:
        yield running


@pytest.fixture
def served(page, explorer):
    page.goto(explorer.url)
    expect(page.locator("#headline")).to_contain_text("bits")
    page.wait_for_load_state("networkidle")
    return page


SOON = 120_000


def fill(page, form, *words):
    for number, word in enumerate(words):
        page.locator(f"#{form}-word-{number}").fill(word)
    page.locator(f"#{form} button").click()


def refusals(complaints, status):
    """Forget that requests were refused, which a browser takes for an error."""
    assert complaints
    assert all(str(status) in said for said in complaints)
    complaints.clear()


def test_a_table_is_memorized_asked_changed_and_forgotten(served, complaints, tmp_path):
    path = tmp_path / "atlas.csv"
    path.write_text(TABLE, encoding="utf-8")
    served.locator("#upload").set_input_files(path)
    expect(served.locator("#task-said")).to_contain_text("6 associations", timeout=SOON)
    expect(served.locator("#source")).to_have_value("atlas.csv")
    expect(served.locator("#vocabulary")).to_be_disabled()

    served.locator("#method").select_option("theorem")
    put(served, embedding_dim=8, head_dim=8)
    served.locator("#memorize").click()
    expect(served.locator("#run-said")).to_contain_text("6 of 6 associations recalled", timeout=SOON)
    expect(served.locator("#memory-title")).to_have_text("The memory: atlas.csv")
    # The memory stands in the figure, on the line of its task.
    expect(served.locator("#figure .stored")).to_have_count(1)
    middles = served.locator("#figure .stored, #figure line.task").evaluate_all(
        "all => all.map(mark => mark.getBoundingClientRect()).map(box => box.y + box.height / 2)"
    )
    assert middles[0] == pytest.approx(middles[1], abs=1.5)

    fill(served, "ask", "Peru", "capital")
    expect(served.locator("#ask-said")).to_contain_text("Lima (leads by")
    fill(served, "ask", "Perv", "capital")
    expect(served.locator("#ask-said")).to_have_class(re.compile("wrong"))
    expect(served.locator("#ask-said")).to_contain_text("did you mean 'Peru'?")
    refusals(complaints, 400)

    fill(served, "edit", "Peru", "capital", HOSTILE)
    expect(served.locator("#change-said")).to_contain_text("1 changed, 0 added, 5 of 5 others kept", timeout=SOON)
    fill(served, "ask", "Peru", "capital")
    expect(served.locator("#ask-said")).to_contain_text(f"{HOSTILE} (leads by")
    served.locator("#undo").click()
    expect(served.locator("#change-said")).to_contain_text("taken back", timeout=SOON)

    bits = served.locator("#cards dt").first.inner_text()
    served.locator("#search").fill("suva")
    expect(served.locator("#facts tbody tr")).to_have_count(1)
    served.locator("#facts button").click()
    served.locator("#forget button").click()
    expect(served.locator("#change-said")).to_contain_text("1 fact forgotten", timeout=SOON)
    assert served.locator("#cards dt").first.inner_text() != bits
    expect(served.locator("#history li")).to_have_count(4)
    expect(served.locator("#history")).to_contain_text(f"{bits} bits before")
    served.locator("#search").fill("")
    expect(served.locator("#facts tbody tr")).to_have_count(5)
    # What is hostile was text all the while.
    expect(served.locator("#facts")).to_contain_text(HOSTILE)
    assert served.locator("img").count() == 0
    assert served.title().startswith("How much")

    screenshots(served, "explore")
    for scheme in ("light", "dark"):
        served.emulate_media(color_scheme=scheme)
        assert axe(served) == []

    with served.expect_popup() as popup:
        served.locator("#report").click()
    report = popup.value
    expect(report.locator("h1")).to_contain_text("atlas.csv", timeout=SOON)
    assert report.evaluate("() => window.origin") == "null"
    assert report.evaluate("() => window.opener") is None

    # All of it is there when the page is opened again.
    served.reload()
    expect(served.locator("#memory-title")).to_have_text("The memory: atlas.csv", timeout=SOON)
    served.locator("#remove").click()
    expect(served.locator("#memory")).to_be_hidden(timeout=SOON)


def test_a_text_is_memorized_in_whole_numbers(served, explorer):
    song = {"name": "song.txt", "mimeType": "text/plain", "buffer": b"row row row your boat gently down the stream"}
    served.locator("#upload").set_input_files(song)
    expect(served.locator("#task-said")).to_contain_text("row row → row", timeout=SOON)
    served.locator("#reading summary").click()
    expect(served.locator("#subject")).to_be_hidden()
    served.locator("#words-before").fill("1")
    served.locator("#words-before").press("Enter")
    expect(served.locator("#task-said")).to_contain_text("1 context had several", timeout=SOON)
    served.locator("#dtype").select_option("int8")
    served.locator("#memorize").click()
    expect(served.locator("#run-said")).to_contain_text("6 of 6 associations recalled", timeout=SOON)
    expect(served.locator("#cards")).to_contain_text("recalled in int8")
    # The shape that was found is one that the law of method joint may speak of.
    assert served.locator("#heads-exact").input_value() == str(shown_memory(explorer)["shape"]["heads"])
    fill(served, "ask", "your")
    expect(served.locator("#ask-said")).to_contain_text("boat (leads by")
    served.locator("#remove").click()
    expect(served.locator("#memory")).to_be_hidden(timeout=SOON)


def shown_memory(explorer):
    (number,) = explorer.client.get("/state").json()["memories"]
    return explorer.client.get(f"/memories/{number}").json()


def test_a_run_shows_its_progress_and_is_cancelled(served, explorer):
    put(served, vocabulary=300, associations=4000)
    served.locator("#memorize").click()
    expect(served.locator("#bars progress").first).to_be_visible(timeout=SOON)
    expect(served.locator("#run-said")).to_contain_text("memorize:")
    expect(served.locator("#memorize")).to_be_disabled()
    # Another page finds it running.
    again = served.context.new_page()
    again.goto(explorer.url)
    expect(again.locator("#cancel")).to_be_visible(timeout=SOON)
    served.locator("#cancel").click()
    expect(served.locator("#run-said")).to_have_text("cancelled; everything is as it was", timeout=SOON)
    expect(again.locator("#run-said")).to_have_text("cancelled; everything is as it was", timeout=SOON)
    expect(served.locator("#memorize")).to_be_enabled()
    assert explorer.client.get("/state").json()["memories"] == []


def test_what_fails_is_said(served, complaints):
    served.locator("#method").select_option("theorem")
    served.locator("#heads-of").select_option("slider")
    put(served, heads=1)
    served.locator("#memorize").click()
    expect(served.locator("#run-said")).to_contain_text("1 head holds", timeout=SOON)
    expect(served.locator("#run-said")).to_have_class(re.compile("wrong"))
    served.locator("#upload").set_input_files({"name": "no.exe", "mimeType": "text/csv", "buffer": b"x"})
    expect(served.locator("#task-said")).to_contain_text("upload: expected a name that ends in .csv")
    refusals(complaints, 400)


def test_a_page_with_a_wrong_token_is_refused(page, explorer, complaints):
    page.goto(f"{explorer.base}/?token=guess")
    assert "expected the token" in page.content()
    refusals(complaints, 401)
