"""Write a chart for the web or for paper, without a network."""

from pathlib import Path
from typing import TYPE_CHECKING

from attncap.errors import InputError
from attncap.files import check_free, replacing

if TYPE_CHECKING:
    import altair as alt

FORMATS = (".html", ".svg", ".pdf", ".png")


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
        if path.suffix == ".html":
            chart.save(str(temporary), inline=True)
        else:
            chart.save(str(temporary), ppi=200) if path.suffix == ".png" else chart.save(str(temporary))
    return path


def check_drawable(path: Path, *, force: bool) -> None:
    """Refuse, before long work, a file that no chart can be saved as.

    Raises:
        InputError: another suffix, or a file that must not be replaced.
    """
    if path.suffix not in FORMATS:
        raise InputError(f"{path}: cannot draw a {path.suffix or 'file without suffix'!r}; use {', '.join(FORMATS)}")
    check_free(path, force=force)
