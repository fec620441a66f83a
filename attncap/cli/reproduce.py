"""``attncap reproduce``: the papers' figures, with the published numbers beside ours."""

from pathlib import Path
from typing import Annotated

import typer

from attncap.cli._shared import Force, Json, Seed, answer, work


def reproduce(
    paper: Annotated[str, typer.Argument(help="Which paper, such as liao2025.")],
    figure: Annotated[list[str] | None, typer.Argument(help="Which of its figures; all by default.")] = None,
    scale: Annotated[str, typer.Option(help="quick (small, minutes) or paper (the paper's sizes).")] = "quick",
    out: Annotated[Path | None, typer.Option(help="Directory to make. Default: results/PAPER.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="Only name the figures.")] = False,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Redraw a paper's figures and tables."""
    from rich.table import Table

    from attncap import papers

    if listing:
        known = papers.figures(paper).values()
        named = Table("figure", "shows", box=None, padding=(0, 2, 0, 0), header_style="bold")
        for each in known:
            named.add_row(each.id, each.title)
        answer(
            {
                "paper": paper,
                "figures": [
                    {"id": each.id, "title": each.title, "published": each.published, "measured": None, "files": []}
                    for each in known
                ],
            },
            json,
            named,
        )
        return
    target = out or Path("results") / paper
    with work(json):
        result = papers.reproduce(paper, figure or (), scale=scale, out=target, seed=seed, force=force)
    done = Table("figure", "measured", "files", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for drawn in result.figures:
        numbers = ", ".join(
            f"{key} {value}" for key, value in drawn.measured.items() if not isinstance(value, list | dict)
        )
        done.add_row(drawn.id, numbers, ", ".join(drawn.files))
    answer(result, json, done, f"written to {target}/")
