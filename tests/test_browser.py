"""The browser of the tests sees what a page does wrong."""

import http.server
import threading

import pytest

from tests import browser

PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>a page</title>{head}</head><body><main><h1>A page</h1>{body}</main></body></html>"
)


@pytest.fixture
def shown(page, tmp_path):
    def show(body, head=""):
        path = tmp_path / "page.html"
        path.write_text(PAGE.format(body=body, head=head), encoding="utf-8")
        page.goto(path.as_uri())
        return page

    return show


def said(complaints):
    """Return what was complained of, and forget it."""
    told = " ".join(complaints)
    complaints.clear()
    return told


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<script>console.error('an error')</script>", "an error"),
        ("<script>throw new Error('thrown')</script>", "thrown"),
        ("<script>Promise.reject(new Error('in the dark'))</script>", "in the dark"),
        ("<img alt='' src='https://example.org/a.png'>", "https://example.org/a.png"),
        ("<script>fetch('https://example.org/b').catch(() => 0)</script>", "https://example.org/b"),
        ("<link rel='stylesheet' href='http://192.0.2.1/c.css'>", "http://192.0.2.1/c.css"),
        ("<script>new WebSocket('ws://192.0.2.1/d')</script>", "ws://192.0.2.1/d"),
    ],
)
def test_errors_and_requests_are_complained_of(shown, complaints, body, complaint):
    shown(body).wait_for_timeout(100)
    assert complaint in said(complaints)


def test_what_stays_on_this_machine_is_not(shown, complaints):
    class Quiet(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = shown("<p>quiet</p>")
        page.evaluate(f"() => fetch('http://127.0.0.1:{server.server_port}/', {{mode: 'no-cors'}})")
        server.shutdown()
    assert complaints == []


def test_axe_finds_what_is_serious(shown):
    found = browser.axe(shown("<input><img src='data:,' ><p>fine</p>"))
    assert {line.split(":")[0] for line in found} == {"critical label", "critical image-alt"}
    assert browser.axe(shown("<label>name <input></label>")) == []


def test_pages_that_forbid_scripts_from_text_are_examined(shown):
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; script-src 'unsafe-inline'\">"
    assert browser.axe(shown("<p>fine</p>", policy)) == []


@pytest.mark.parametrize("style", ["width: 600px", "margin-left: 380px; width: 50px; white-space: nowrap"])
def test_what_sticks_out_is_found(shown, monkeypatch, tmp_path, style):
    monkeypatch.setattr(browser, "ARTIFACTS", tmp_path / "shots")
    with pytest.raises(AssertionError, match="at 390 px"):
        browser.screenshots(shown(f'<div style="{style}">wide</div>'), "wide")
    browser.screenshots(shown(f'<div style="overflow-x: auto"><div style="{style}">wide</div></div>'), "scrolled")
    names = {f"scrolled-{width}-{scheme}.png" for width in (390, 1280) for scheme in ("light", "dark")}
    assert names <= {path.name for path in (tmp_path / "shots").iterdir()}


def test_hidden_overflow_is_found(shown, monkeypatch, tmp_path):
    monkeypatch.setattr(browser, "ARTIFACTS", tmp_path)
    with pytest.raises(AssertionError, match="cut off"):
        browser.screenshots(shown('<style>main { overflow: hidden }</style><p style="width: 900px">cut'), "cut")
