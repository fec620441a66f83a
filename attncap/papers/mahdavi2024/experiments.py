"""The sweeps: every point trained as the paper does, with its interval and whether it has converged."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from attncap.commands.labelled import recipe_of, shape_of
from attncap.papers.figure import Drawing
from attncap.papers.mahdavi2024.settings import MINI_SECONDS, SEEDS, Experiment, Scale
from attncap.papers.stored import stored
from attncap.plots.labelled import sweep_chart
from attncap.progress import bar
from attncap.train.labelled.problem import labelling
from attncap.train.loop.cost import lane_seconds

# A point has converged where half of the steps, on a schedule of their own, reach as much up to this.
SETTLED = 0.02


def experiment(wanted: Experiment, scale: Scale, seed: int) -> Drawing:
    """Train every point of a sweep, from several seeds and with half of the steps, and draw it."""
    found = runs(wanted, scale, seed)
    points = summary(found, wanted.x)
    y = "R²" if wanted.real else "accuracy"
    unsettled = points.filter(pl.col("converged").not_()).height
    steps = found.filter(~pl.col("half"))["steps_run"]
    note = [
        f"Mahdavi et al. 2024, {wanted.where}; {settings(wanted, scale)}",
        f"recipe paper, {between(steps.to_list())} steps; bars: range of {seeds_of(scale)}; open points: half "
        f"of the steps reach more than {SETTLED:g} less or more ({unsettled} of {points.height})",
    ]
    chart = sweep_chart(points, x=wanted.x, y=y, title=wanted.title, note=note)
    measured = {"points": points.to_dicts(), "unconverged": f"{unsettled} of {points.height}"}
    return Drawing(measured, found, chart)


def runs(wanted: Experiment, scale: Scale, seed: int) -> pl.DataFrame:
    """Return every run of a sweep, one row each."""
    points = list(wanted.points(scale))
    seeds = range(seed, seed + SEEDS[scale])
    # Whether a point has converged is asked of the first seed.
    asked = [(count, x, number, False) for count, x in points for number in seeds]
    asked += [(count, x, seed, True) for count, x in points]
    cells = [wanted.cell(scale, count, x, number, half=half) for count, x, number, half in asked]
    with bar(f"{wanted.id}, about {minutes(wanted, scale):.0f} minutes of one core", len(cells)):
        found = stored("train", cells, alone=scale == "paper")
    columns = pl.DataFrame(asked, schema=["examples", wanted.x, "seed", "half"], orient="row")
    kept = found.select("accuracy", "loss", "bits", "bits_per_parameter", "parameters", "steps", "steps_run")
    return pl.concat([columns, kept], how="horizontal")


def summary(found: pl.DataFrame, x: str) -> pl.DataFrame:
    """Return the mean and range over seeds of each point, and whether half of the steps reach as much."""
    whole = found.filter(~pl.col("half"))
    points = whole.group_by("examples", x, maintain_order=True).agg(
        pl.col("accuracy").mean(), low=pl.col("accuracy").min(), high=pl.col("accuracy").max()
    )
    first = whole.group_by("examples", x, maintain_order=True).agg(first=pl.col("accuracy").first())
    halves = found.filter("half").select("examples", x, half="accuracy")
    joined = points.join(first, on=["examples", x]).join(halves, on=["examples", x], maintain_order="left")
    return joined.with_columns(converged=(pl.col("first") - pl.col("half")).abs() <= SETTLED).drop("first")


def minutes(wanted: Experiment, scale: Scale) -> float:
    """Estimate the minutes of one core that the runs of a sweep take."""
    points = list(wanted.points(scale))
    if scale == "quick":
        return len(points) * (SEEDS[scale] + 0.5) * MINI_SECONDS / 60
    cells = (wanted.cell(scale, count, x, 0) for count, x in points)
    return (SEEDS[scale] + 0.5) * sum(seconds(wanted, cell) for cell in cells) / 60


def seconds(wanted: Experiment, cell: Mapping[str, Any]) -> float:
    """Estimate the seconds of one core that a run takes."""
    chosen = recipe_of(cell)
    problem = labelling(shape_of(cell), cell["count"], not wanted.real, wanted.contexts == "shared", chosen)
    return lane_seconds(problem, chosen.steps)


def memory(wanted: Experiment, scale: Scale) -> float:
    """Return the bytes of the largest run's data."""
    sizes = [wanted.cell(scale, count, x, 0) for count, x in wanted.points(scale)]
    own = [cell["count"] if wanted.contexts == "distinct" else 1 for cell in sizes]
    vectors = zip(sizes, own, strict=True)
    return max(4.0 * cell["embedding_dim"] * (many * cell["context"] + cell["count"]) for cell, many in vectors)


def settings(wanted: Experiment, scale: Scale) -> str:
    """Say in a few words what is fixed."""
    cell = wanted.cell(scale, 1, 1, 0)
    letters = {"embedding_dim": "d", "context": "n", "heads": "H"}
    sizes = [f"{letter} = {cell[name]}" for name, letter in letters.items() if name != wanted.x]
    return ", ".join([*sizes, "real labels" if wanted.real else f"{cell['classes']} classes"])


def between(steps: list[int]) -> str:
    """Say how many steps the runs took."""
    least, most = min(steps), max(steps)
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def seeds_of(scale: Scale) -> str:
    """Say how many seeds a point has."""
    return f"{SEEDS[scale]} seeds" if SEEDS[scale] > 1 else "one seed"


def curves(wanted: Experiment, scale: Scale, seed: int) -> list[dict[str, Any]]:
    """Return a sweep as one line for each number of examples: x, the mean accuracies y, and the runs of each x."""
    whole = runs(wanted, scale, seed).filter(~pl.col("half"))
    points = whole.group_by("examples", wanted.x, maintain_order=True).agg(runs=pl.col("accuracy"))
    return [
        {
            "examples": count,
            "x": rows[wanted.x].to_list(),
            "y": rows["runs"].list.mean().to_list(),
            "runs": rows["runs"].to_list(),
        }
        for (count,), rows in points.group_by("examples", maintain_order=True)
    ]
