"""What a reproduced figure is, and how a paper's figures are drawn into a directory."""

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncap.constraints import Seed, checked
from attncap.errors import InputError, UnmetError, nearest
from attncap.files import replacing
from attncap.numerics.budget import expect
from attncap.progress import track
from attncap.result import Result, plain

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

PAPERS = {
    "dana2025": "attncap.papers.dana2025.figures",
    "hebbian2026": "attncap.papers.hebbian2026.figures",
    "liao2025": "attncap.papers.liao2025.figures",
    "mahdavi2024": "attncap.papers.mahdavi2024.figures",
}
SCALES = ("quick", "paper")
RESULT = "result.json"


@dataclass(frozen=True)
class Drawing:
    """What drawing a figure gave.

    Attributes:
        measured: our numbers, to stand beside the published ones.
        chart: the figure; None if it is a table.
        table: the numbers behind it.
    """

    measured: Mapping[str, Any]
    table: "pl.DataFrame"
    chart: "alt.TopLevelMixin | None" = None


@dataclass(frozen=True)
class Figure:
    """One figure or table of a paper.

    Attributes:
        id: its name on the command line.
        title: what it shows.
        published: what the paper reports, with its settings.
        draw: makes it, given the scale ("quick" or "paper") and a seed.
        minutes: of one core, estimated for a scale, where it takes many.
    """

    id: str
    title: str
    published: Mapping[str, Any]
    draw: Callable[[str, int], Drawing]
    minutes: Callable[[str], float] | None = None


@dataclass(frozen=True)
class Reproduced(Result):
    """One figure: the published numbers, ours, and the files written."""

    id: str
    published: Mapping[str, Any]
    measured: Mapping[str, Any]
    files: list[str]


@dataclass(frozen=True)
class Reproduction(Result):
    """All figures that were asked for."""

    paper: str
    scale: str
    figures: list[Reproduced] = field(default_factory=list)

    @property
    def cites(self) -> tuple[str, ...]:
        """The paper."""
        return (self.paper,)


@checked
def figures(paper: str) -> dict[str, Figure]:
    """Return a paper's figures by id.

    Raises:
        InputError: the paper is not known.
    """
    if paper not in PAPERS:
        raise InputError(f"paper {paper!r}: not known{nearest(paper, PAPERS) or '; known: ' + ', '.join(PAPERS)}")
    return {each.id: each for each in importlib.import_module(PAPERS[paper]).FIGURES}


@checked
def reproduce(
    paper: str,
    ids: Sequence[str] = (),
    *,
    scale: str = "quick",
    out: str | Path,
    seed: Seed = 0,
    force: bool = False,
) -> Reproduction:
    """Draw figures of a paper into a directory that appears when all are done.

    Args:
        paper: one of ``PAPERS``.
        ids: which figures; all by default.
        scale: "quick" (smaller sizes, minutes) or "paper" (the paper's sizes).
        out: the directory.
        seed: of every random draw.
        force: replace the directory of an earlier run.

    Raises:
        InputError: an unknown paper, figure or scale, or ``out`` exists.
        UnmetError: a figure needs data that is not installed.
    """
    known = figures(paper)
    for each in ids:
        if each not in known:
            raise InputError(f"figure {each!r}: not one of {paper}{nearest(each, known) or ': ' + ', '.join(known)}")
    check_scale(scale)
    wanted = [known[each] for each in dict.fromkeys(ids or known)]
    with replacing(out, force=force, directory=True) as directory:
        expect(60.0 * sum(one.minutes(scale) for one in wanted if one.minutes), paper, "choose fewer figures")
        done = [attempt(figure, scale, seed, directory, must=bool(ids)) for figure in track(wanted, paper)]
        result = Reproduction(paper, scale, done)
        (directory / RESULT).write_text(json.dumps(plain(result), ensure_ascii=False, indent=1), encoding="utf-8")
    return result


@checked
def check_scale(scale: str) -> None:
    """Refuse a scale that no figure has.

    Raises:
        InputError: it is not one of ``SCALES``.
    """
    if scale not in SCALES:
        raise InputError("scale", " or ".join(SCALES), scale)


def attempt(figure: Figure, scale: str, seed: int, directory: Path, *, must: bool) -> Reproduced:
    """Draw and write a figure; leave out one whose data is not installed, unless it was asked for."""
    try:
        return write(figure, figure.draw(scale, seed), directory)
    except UnmetError as error:
        if must:
            raise
        return Reproduced(figure.id, figure.published, {"left_out": str(error)}, [])


def write(figure: Figure, drawing: Drawing, directory: Path) -> Reproduced:
    """Write a figure's table (.csv) and chart (.svg, .png, and .json, its specification)."""
    from attncap.plots import save

    drawing.table.write_csv(directory / f"{figure.id}.csv")
    if drawing.chart is not None:
        for suffix in (".svg", ".png", ".json"):
            save(drawing.chart, directory / f"{figure.id}{suffix}")
    files = sorted(path.name for path in directory.glob(f"{figure.id}.*"))
    return Reproduced(figure.id, figure.published, drawing.measured, files)
