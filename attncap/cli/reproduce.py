"""``attncap reproduce``: the papers' figures, with the published numbers beside ours."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attncap.cli._shared import Force, Json, Seed, answer, work

if TYPE_CHECKING:
    from attncap.terminal import Rows


def reproduce(
    paper: Annotated[str, typer.Argument(help="Which paper, such as liao2025.")],
    figure: Annotated[list[str] | None, typer.Argument(help="Which of its figures; all by default.")] = None,
    scale: Annotated[str, typer.Option(help="quick (small, minutes) or paper (the paper's sizes).")] = "quick",
    out: Annotated[Path | None, typer.Option(help="Directory to make. Default: results/PAPER.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="Only name the figures, and how long each takes.")] = False,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Redraw a paper's figures and tables."""
    from attncap import papers
    from attncap.files import cache

    if listing:
        known = listed(paper, scale)
        rows = [(one["id"], one["title"], f"{ceil(one['minutes'] or 0) or ''}") for one in known]
        answer({"paper": paper, "figures": known}, json, table(["figure", "shows", "minutes of one core"], rows))
        return
    target = out or Path("results") / paper
    try:
        with work(json):
            result = papers.reproduce(paper, figure or (), scale=scale, out=target, seed=seed, force=force)
    except KeyboardInterrupt as stop:
        raise type(stop)(
            f"the numbers computed so far are kept in {cache('papers')}; run the same to continue"
        ) from None
    done = [(one.id, numbers(one.measured), ", ".join(one.files)) for one in result.figures]
    answer(result, json, table(["figure", "measured", "files"], done), f"written to {target}/")


def listed(paper: str, scale: str) -> list[dict[str, Any]]:
    """Describe the figures of a paper, not drawn."""
    from attncap import papers

    papers.check_scale(scale)
    return [
        {
            "id": one.id,
            "title": one.title,
            "published": one.published,
            "minutes": one.minutes(scale) if one.minutes else None,
            "measured": None,
            "files": [],
        }
        for one in papers.figures(paper).values()
    ]


def numbers(measured: Mapping[str, Any]) -> str:
    """Join what is measured in one number or word; numbers to the digits that a person compares."""
    single = {key: value for key, value in measured.items() if not isinstance(value, list | dict)}
    return ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in single.items()
    )


def table(columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> "Rows":
    """Lay rows out, without the columns that are empty in all of them."""
    from attncap.terminal import Rows

    filled = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    shown = Rows(*(columns[place] for place in filled))
    for row in rows:
        shown.add_row(*(row[place] for place in filled))
    return shown
