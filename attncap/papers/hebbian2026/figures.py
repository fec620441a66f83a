"""MLPs are Hebbians (arXiv 2607.10034): how small a layer holds F facts, attention beside the perceptrons."""

import statistics
from typing import Any

import polars as pl

from attncap.papers.figure import Drawing, Figure
from attncap.papers.hebbian2026.setting import PUBLISHED, SERIES, SIZES, SOURCE, bits
from attncap.papers.stored import stored
from attncap.plots.peers import peers_chart

DIMS = {"quick": (16,), "paper": (16, 32, 64)}
SEEDS = {"quick": (42,), "paper": (42, 43)}
# Of one core: quick searches run at d = 16 alone.
MINUTES = {"quick": 4.0, "paper": 600.0}
TITLE = "The smallest layer with every fact right: attention and perceptrons, constructed and trained"


def capacity(scale: str, seed: int) -> Drawing:
    """Search every series' smallest layers, and draw them beside what the authors' code needs."""
    sizes = [(dim, count) for dim in DIMS[scale] for count in SIZES[dim]]
    cells = [
        {"series": label, "embedding_dim": dim, "count": count, "seed": seed + each}
        for label in SERIES
        for dim, count in sizes
        for each in SEEDS[scale]
    ]
    found = stored("attncap.papers.hebbian2026.searches:smallest", cells, alone=True).to_dicts()
    rows = [row(label, dim, count, found) for label in SERIES for dim, count in sizes]
    theirs = [
        {"series": label, "d": dim, "facts": count, "parameters": parameters}
        for label, held in PUBLISHED.items()
        for (dim, count), parameters in held.items()
        if (dim, count) in sizes and parameters is not None
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    chart = peers_chart(
        table,
        pl.DataFrame(theirs),
        title=TITLE,
        note=[
            "F isotropic unit vectors in d dimensions, a random permutation of them; parameters of the layer alone, "
            f"{'mean of 2 draws' if len(SEEDS[scale]) > 1 else 'one draw'}; lines: 1 and 2 bits per parameter",
            f"open marks: {SOURCE}",
        ],
    )
    return Drawing({"smallest": rows}, table, chart)


def row(label: str, dim: int, count: int, found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean over the draws; nothing where a draw has no width that holds it."""
    mine = [one["parameters"] for one in found if (one["series"], one["d"], one["facts"]) == (label, dim, count)]
    mean = None if None in mine else statistics.mean(mine)
    series = SERIES[label]
    return {
        "series": label,
        "layer": series.layer,
        "how": series.how,
        "d": dim,
        "facts": count,
        "parameters": mean,
        "bits_per_parameter": None if mean is None else bits(count) / mean,
    }


FIGURES = (
    Figure(
        "capacity",
        TITLE,
        {
            "source": SOURCE,
            "parameters": {
                label: {f"d = {dim}, F = {count}": held for (dim, count), held in each.items()}
                for label, each in PUBLISHED.items()
            },
        },
        capacity,
        MINUTES.__getitem__,
    ),
)
