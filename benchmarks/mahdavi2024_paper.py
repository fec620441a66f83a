"""Figure 2 of Mahdavi et al. 2024 at its own size: the runs that the user's cache holds; it trains nothing itself."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from attncap.papers.mahdavi2024.experiments import SETTLED, seconds
from attncap.papers.mahdavi2024.fitting import line
from attncap.papers.mahdavi2024.settings import KNOWN, Experiment
from attncap.papers.stored import kept
from benchmarks.page import Rows, show

SHOWN = ("fig2a", "fig2b", "fig2c")
LETTERS = {"heads": "H", "context": "n", "head_dim": "dₕ"}
COLUMNS = ("figure", "T", "run", "accuracy", "after half of the steps", "steps run", "seconds", "published")
# A straight line through fewer points says little.
FEWEST = 4
PUBLISHED = {"fig2a": "linear, R² at least .98", "fig2b": "rises with n", "fig2c": "rises up to dₕ = n, then flat"}
Run = dict[str, Any] | None


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a run that is there, and below those of a line what it says and what is missing."""
    return COLUMNS, [row for id in SHOWN for count in KNOWN[id].counts for row in lines(KNOWN[id], count)]


def lines(wanted: Experiment, count: int) -> Rows:
    """Return the rows of one number of examples."""
    cells = [wanted.cell("paper", count, x, 0) for x in wanted.values]
    halves = kept("train", [wanted.cell("paper", count, x, 0, half=True) for x in wanted.values])
    found = kept("train", cells)
    head = (wanted.where, f"{count:,}")
    letter = LETTERS[wanted.x]
    rows = [
        [
            *head,
            f"{letter} = {x}",
            f"{run['accuracy']:.3f}",
            settled(run, half),
            f"{run['steps_run']:,}",
            timed(run),
            "",
        ]
        for x, run, half in zip(wanted.values, found, halves, strict=True)
        if run
    ]
    missing = [(x, cell) for x, cell, run in zip(wanted.values, cells, found, strict=True) if not run]
    if rows:
        rows.append([*head, f"all of {letter}", fitted(wanted.values, found), "", "", "", PUBLISHED[wanted.id]])
    if missing:
        hours = sum(seconds(wanted, cell) for _, cell in missing) / 3600
        values = ", ".join(str(x) for x, _ in missing)
        rows.append([*head, f"{letter} = {values}", "not run", "", "", f"about {hours:.1f} hours of one core", ""])
    return rows


def settled(run: dict[str, Any], half: Run) -> str:
    """Write what half of the steps reach, on a schedule of their own, and whether that is another accuracy."""
    if half is None:
        return "not run"
    apart = abs(run["accuracy"] - half["accuracy"]) > SETTLED
    return f"{half['accuracy']:.3f}{', not converged' if apart else ''}"


def timed(run: dict[str, Any]) -> str:
    """Write the wall time of a run."""
    return f"{run['seconds']:.0f}"


def fitted(values: Sequence[int], found: Sequence[Run]) -> str:
    """Write how straight a line is, and how straight is its part below an accuracy of 1."""
    points = [(x, run["accuracy"]) for x, run in zip(values, found, strict=True) if run]
    below = [(x, y) for x, y in points if y < 1]
    texts = [
        f"R² {line(*np.array(part, float).T)['r_squared']:.3f}{where}"
        for part, where in ((points, ""), (below, " below accuracy 1"))
        if len(part) >= FEWEST and (part is points or len(part) < len(points))
    ]
    return ", ".join(texts)


if __name__ == "__main__":
    main()
