"""Write a chart for the web or for paper, without a network."""

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncap import palette
from attncap.constraints import checked
from attncap.errors import InputError
from attncap.files import check_free, replacing

if TYPE_CHECKING:
    import altair as alt

FORMATS = (".html", ".svg", ".pdf", ".png", ".json")
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{}</title>
  <style>{}body {{ font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 1rem; }}
{}</style>
</head>
<body><main>{}</main><script>{}</script></body>
</html>
"""


@checked
def save(chart: "alt.TopLevelMixin", path: str | Path, *, force: bool = False) -> Path:
    """Save a chart as a self-contained .html, as .svg, .pdf or .png, or as .json (Vega-Lite).

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
            temporary.write_text(page(chart, path.stem), encoding="utf-8")
        else:
            kind: Any = suffix[1:]
            chart.save(str(temporary), format=kind, ppi=200)
    return path


def page(chart: "alt.TopLevelMixin", name: str = "chart") -> str:
    """Return a chart as a page of its own that needs no network; text in it cannot become markup."""
    from attncap.plots.live import block, runtime, style, titles

    spec = chart.to_dict()
    title, _ = titles(spec)
    return PAGE.format(html.escape(title or name), palette.css(), style(), block(spec, name), runtime())


@checked
def check_drawable(path: Path, *, force: bool) -> None:
    """Refuse, before long work, a file that no chart can be saved as.

    Raises:
        InputError: another suffix, or a file that must not be replaced.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: cannot draw a {path.suffix or 'file without suffix'!r}; use {', '.join(FORMATS)}")
    check_free(path, force=force)
