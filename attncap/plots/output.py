"""Write a chart for the web or for paper, without a network."""

import html
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncap.constraints import checked
from attncap.errors import InputError
from attncap.files import check_free, replacing

if TYPE_CHECKING:
    import altair as alt

FORMATS = (".html", ".svg", ".pdf", ".png")
# A page that says what it is and fits a narrow screen.
HEAD = """<head>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{}</title>
  <style>body {{ margin: 1rem; }} #vis svg {{ max-width: 100%; height: auto; }}</style>"""


@checked
def save(chart: "alt.TopLevelMixin", path: str | Path, *, force: bool = False) -> Path:
    """Save a chart as a self-contained .html, or as .svg, .pdf or .png.

    Args:
        chart: an Altair chart.
        path: where to; its suffix chooses the format.
        force: replace a file that is there.

    Returns:
        The path written.

    Raises:
        InputError: another suffix, or a file that must not be replaced.
    """
    path = Path(path)
    check_drawable(path, force=force)
    with replacing(path, force=force) as temporary:
        suffix = path.suffix.lower()
        if suffix == ".html":
            temporary.write_text(page(chart), encoding="utf-8")
        else:
            kind: Any = suffix[1:]
            chart.save(str(temporary), format=kind, ppi=200)
    return path


def page(chart: "alt.TopLevelMixin") -> str:
    """Return a chart as a page of its own, drawn as SVG without a network; text in it cannot become markup."""
    from attncap.plots.theme import narrow

    title = chart.to_dict().get("title", "chart")
    text = title["text"] if isinstance(title, dict) else title
    name = html.escape(text if isinstance(text, str) else " ".join(text))
    whole = narrow(chart).to_html(inline=True, embed_options={"renderer": "svg"})
    before, declared, rest = whole.rpartition("const spec = ")
    _, end = json.JSONDecoder().raw_decode(rest)
    safe = rest[:end].replace("</", "<\\/").replace("<!--", "<\\u0021--")
    before = before.replace("<html>", '<html lang="en">', 1).replace("<head>", HEAD.format(name), 1)
    return before + declared + safe + rest[end:]


@checked
def check_drawable(path: Path, *, force: bool) -> None:
    """Refuse, before long work, a file that no chart can be saved as.

    Raises:
        InputError: another suffix, or a file that must not be replaced.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: cannot draw a {path.suffix or 'file without suffix'!r}; use {', '.join(FORMATS)}")
    check_free(path, force=force)
