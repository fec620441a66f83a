"""The one template of all pages: style, scripts and what each of them may do."""

import base64
import hashlib
from functools import cache
from importlib import resources

import jinja2

from attncap import __version__, palette
from attncap.plots import live
from attncap.report.parts import Figure, Page


def render(page: Page) -> str:
    """Return a page as HTML; all text is escaped, and of scripts only those with a known hash may run."""
    figures = any(isinstance(part, Figure) for section in page.sections for part in section.parts)
    scripts = [live.runtime() if figures else live.script(), _file("page.js")]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("attncap.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return (
        environment.get_template("page.html")
        .render(
            page=page,
            version=__version__,
            style=palette.css() + _file("page.css") + live.style(),
            scripts=scripts,
            allowed=" ".join(map(_hash, scripts)),
        )
        .lstrip()
    )


@cache
def _file(name: str) -> str:
    return resources.files("attncap.report").joinpath("templates", name).read_text("utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
