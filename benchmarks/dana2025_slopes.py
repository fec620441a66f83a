"""Figure 2b of Dana, Pydi and Chevaleyre 2025: associations gained per head, from the runs of Figure 1a."""

import warnings

import numpy as np

from attncap import scaling
from attncap.papers.dana2025.claims import KNOWN
from attncap.papers.dana2025.slopes import slope
from benchmarks.dana2025_figures import trained
from benchmarks.page import Rows, show


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a series: the slope of accuracy up to the first above .95, times all pairs, and the laws in d."""
    wanted = KNOWN["fig1a"]
    pairs = wanted.shared["vocabulary"] ** 2
    dims = [line.options["embedding_dim"] for line in wanted.lines]
    series = {
        "published": [pairs * slope(wanted.values, line.accuracy) for line in wanted.lines],
        "measured": [pairs * measured(line.label) for line in wanted.lines],
    }
    rows = [[name, *(f"{each:.1f}" for each in slopes), laws(dims, slopes)] for name, slopes in series.items()]
    return ("d =", *map(str, dims), "laws that fit"), [*rows, ["theorem", *map(str, dims), "d"]]


def measured(line: str) -> float:
    """Return the mean slope of a line's models."""
    models = trained("fig1a").filter(line=line).group_by("seed", maintain_order=True)
    return float(np.mean([slope(one["heads"].to_list(), one["accuracy"].to_list()) for _, one in models]))


def laws(dims: list[int], slopes: list[float]) -> str:
    """Name the laws that the points cannot tell apart."""
    with warnings.catch_warnings(action="ignore", category=scaling.ScalingWarning):
        found = scaling.fit(dims, slopes)
    return ", ".join(filter(None, (found.best, *found.close)))


if __name__ == "__main__":
    main()
