"""Pages as readers meet them: Debian's Chromium, driven by Playwright, with nothing to fetch and nothing logged."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
WIDTHS = {390: 844, 1280: 900}
SCHEMES = ("light", "dark")
OURS = ("file", "data", "blob", "about")
# What sticks out of the page, and what cannot be scrolled to where it does.
SIDEWAYS = """() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = element => element && (["auto", "scroll"].includes(getComputedStyle(element).overflowX)
    || scrolls(element.parentElement));
  const out = [...document.body.querySelectorAll("*")].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.right > wide + 1 && element.checkVisibility() && !scrolls(element.parentElement)
      && !element.ownerSVGElement;
  });
  return [document.documentElement.scrollWidth - wide, out.slice(0, 5).map(element => element.outerHTML.slice(0, 120))];
}"""


@pytest.fixture(scope="module")
def chromium():
    """A browser for a module's tests: Playwright's loop would be in the way of those of other modules."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Debian's chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints():
    """What a page logged as an error or asked of others; a test that provokes some clears the list."""
    return []


@pytest.fixture
def page(chromium, complaints):
    """A tab; its test fails if the page logs an error, or asks for anything beyond this machine."""
    context = chromium.new_context(service_workers="block", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    context.route(lambda url: not local(url), lambda route: route.abort())
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    context.on("weberror", lambda thrown: complaints.append(str(thrown.error)))
    context.on("request", lambda asked: None if local(asked.url) else complaints.append(asked.url))
    tab = context.new_page()
    tab.on("websocket", lambda opened: None if local(opened.url) else complaints.append(opened.url))
    yield tab
    context.close()
    assert complaints == []


def local(url):
    """Tell whether a request stays on this machine.

    >>> local("file:///tmp/a.html"), local("http://127.0.0.1:8000/"), local("https://example.org/")
    (True, True, False)
    """
    parts = urlsplit(url)
    return parts.scheme in OURS or parts.hostname == "127.0.0.1"


def axe(page):
    """Return what axe-core finds serious or critical, each as "impact rule: where"."""
    from axe_playwright_python.base import AXE_SCRIPT

    session = page.context.new_cdp_session(page)
    # The pages forbid themselves to evaluate text; the tool may.
    told = {"expression": f"{AXE_SCRIPT};0", "allowUnsafeEvalBlockedByCSP": True}
    assert "exceptionDetails" not in session.send("Runtime.evaluate", told)
    session.detach()
    # Pages opened as files may not read their own style sheets once more.
    found = page.evaluate("() => axe.run({resultTypes: ['violations'], preload: false})")["violations"]
    return [
        f"{each['impact']} {each['id']}: {node['target']} {node['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def screenshots(page, name):
    """Keep a page's pictures, narrow and wide, light and dark, in artifacts/; nothing may stick out sideways.

    Args:
        page: a tab that shows it.
        name: of the files: NAME-WIDTH-SCHEME.png.
    """
    ARTIFACTS.mkdir(exist_ok=True)
    before = page.viewport_size
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(100)
            page.screenshot(path=ARTIFACTS / f"{name}-{width}-{scheme}.png", full_page=True, animations="disabled")
            beyond, elements = page.evaluate(SIDEWAYS)
            assert beyond <= 0, f"{name} at {width} px scrolls sideways by {beyond} px"
            assert elements == [], f"{name} at {width} px: cut off at the right"
    page.emulate_media(color_scheme=None)
    page.set_viewport_size(before)
