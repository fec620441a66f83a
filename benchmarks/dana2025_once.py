"""The larger figures of Dana, Pydi and Chevaleyre 2025 with one model per point: an hour of two cores."""

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from attncap.papers.dana2025.claims import KNOWN
from attncap.papers.dana2025.experiments import experiment, means
from attncap.papers.dana2025.published import Experiment
from benchmarks.dana2025_figures import COLUMNS, rows
from benchmarks.page import Rows, show

# Figures 7 and 10 hold the lines of figures 5 and 8.
SHOWN = ("fig3", "fig6", "fig7", "fig9", "fig10")
NEAR = 0.03


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return what was published and what one model of recipe `paper` reached, a row each, below each other."""
    return (*COLUMNS, f"within {NEAR}", "farthest"), [row for id in SHOWN for row in beside(KNOWN[id])]


def beside(published: Experiment) -> Iterator[list[str]]:
    """Yield the rows of a figure; a measured one ends with how many of its points lie near the published."""
    models = experiment(replace(published, seeds=1), ("paper",), 0).table
    apart = means(models, published.x).with_columns(apart=pl.col("accuracy") - pl.col("published"))
    for place, line, which, *values in rows(published, models):
        off = apart.filter(line=line)["apart"]
        compared = [f"{(off.abs() <= NEAR).sum()} of {len(off)}", f"{max(off, key=abs):+.3f}"]
        yield [place, line, which, *values, *(compared if which == "measured" else ("", ""))]


if __name__ == "__main__":
    main()
