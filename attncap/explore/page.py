"""The page itself: one HTML file with the catalogue's formulas in it, with a server behind it or without."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2

from attncap import __version__, palette
from attncap.bounds import CATALOGUE
from attncap.bounds.javascript import bundle
from attncap.bounds.sources import SOURCES
from attncap.constraints import checked
from attncap.files import check_free, replacing

# What is shown, in this order: the bound, and what it is.
SERIES = (
    ("dana2025", "Promised", "by a theorem, whatever the answers"),
    ("corrected", "Constructed", "the theorem's weights, counted on this data"),
    ("margin", "Constructed, measured", "margin mode: only the right answer leads"),
    ("joint", "Constructed, measured", "method joint: every weight is chosen, in small shapes"),
    ("allenzhu2025", "Trained, measured", "language models of facts, 2 bits per parameter"),
    ("morris2025", "Trained, measured", "language models of random tokens, 3.6 bits per parameter"),
)
# Ends of each slider, and where it begins.
SLIDERS = {
    "vocabulary": (2, 1_000_000, 200),
    "context": (1, 64, 2),
    "associations": (1, 1_000_000, 1000),
    "embedding_dim": (1, 1024, 16),
    "head_dim": (1, 1024, 16),
    "heads": (1, 100_000, 24),
}


@checked
def write_static(path: str | Path, *, force: bool = False) -> Path:
    """Write the page that needs no server: the sliders, the numbers and the figure, without a network.

    Args:
        path: the HTML file.
        force: replace one that is there.

    Returns:
        The file.

    Raises:
        InputError: it must not be replaced, or cannot be written.

    Example:
        >>> import tempfile
        >>> page = write_static(tempfile.mkdtemp() + "/explore.html")
        >>> "bits per parameter" in page.read_text(encoding="utf-8")
        True
    """
    path = Path(path)
    check_free(path, force=force)
    text = render()
    with replacing(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def render(server: dict[str, Any] | None = None) -> str:
    """Return the page as HTML.

    Args:
        server: what the page of a server offers (tables, methods, dtypes, suffixes of files); None for one without.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("attncap.explore"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # A browser would end the script at a closing tag, even inside a string.
    parts = ["numbers.js", "explore.js", *["memories.js"] * (server is not None)]
    scripts = [bundle().replace("</", r"<\/"), *(_part(environment, name) for name in parts)]
    style = palette.css() + _sides() + _part(environment, "explore.css")
    settings = {
        "server": server,
        "sliders": {name: dict(zip(("least", "most", "start"), ends, strict=True)) for name, ends in SLIDERS.items()},
        "series": [{"bound": bound, "label": f"{label}: {note}"} for bound, label, note in SERIES],
    }
    return environment.get_template("explore.html").render(
        settings=settings,
        scripts=scripts,
        style=style,
        policy=_policy(scripts, style, connect=server is not None),
        series=[
            {"bound": bound, "label": label, "note": note, "source": SOURCES[CATALOGUE[bound].sources[0]]}
            for bound, label, note in SERIES
        ],
        version=__version__,
    )


def _sides() -> str:
    """Return the looks of the lines, those of the capacity check."""
    looks = ((bound, *palette.SIDES[bound]) for bound, *_ in SERIES)
    return "".join(
        f".{bound} {{ --hue: var(--{hue}); stroke-dasharray: {' '.join(map(str, dashes))}; }}\n"
        for bound, hue, dashes in looks
    )


def _part(environment: jinja2.Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _policy(scripts: list[str], style: str, *, connect: bool) -> str:
    """Allow what the page holds, by its hashes, and nothing else."""
    allowed = {"script-src": scripts, "style-src": [style]}
    rules = [f"{kind} {' '.join(map(_hash, texts))}" for kind, texts in allowed.items()]
    return "; ".join(
        ["default-src 'none'", *rules, "img-src data:", "base-uri 'none'", "form-action 'none'"]
        + ["connect-src 'self'"] * connect
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
