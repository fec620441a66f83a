"""The experiments: every point trained, over the published numbers."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from attncap import bounds
from attncap.commands.train import OPTIONS, count_of, program_of, recipe_of, shape_of
from attncap.errors import UnmetError
from attncap.papers.dana2025.published import Experiment, Line
from attncap.papers.figure import Drawing
from attncap.papers.stored import stored
from attncap.plots.experiments import FLOORS, RECIPES, chart
from attncap.progress import bar
from attncap.train.loop.cost import lane_seconds

QUICK_MINUTES = 3.0


def experiment(wanted: Experiment, recipes: Sequence[str], seed: int) -> Drawing:
    """Train every point of an experiment by each recipe and draw it over the published numbers."""
    points = list(product(recipes, wanted.lines, wanted.values))
    seeds = range(seed, seed + wanted.seeds)
    cells = [
        {**OPTIONS, **wanted.cell(line, value, recipe), "seed": number}
        for recipe, line, value in points
        for number in seeds
    ]
    with bar(f"{wanted.id}, about {minutes(wanted, recipes):.0f} minutes of one core", len(cells)):
        found = stored("train", cells)
    fixed = [{**described(wanted, *point), "seed": number} for point in points for number in seeds]
    table = pl.concat([pl.DataFrame(fixed, infer_schema_length=None), found], how="horizontal")
    return Drawing(summary(table, wanted.x), table, chart(table, wanted))


def scaled(wanted: Experiment, scale: str) -> Experiment:
    """Leave out lines and points of a quick figure; of large models all but the smallest, and repetitions."""
    if scale == "paper":
        return wanted
    lines = spread(wanted.lines, 4)
    some = wanted.thinned(lines, spread(wanted.values, 3), wanted.seeds)
    if minutes(some, RECIPES[scale]) <= QUICK_MINUTES:
        return some
    smallest = sorted(lines, key=lambda line: line.options.get("embedding_dim", 0))[:2]
    return wanted.thinned(smallest, wanted.values[:3], 1)


def spread(items: tuple[Any, ...], most: int) -> tuple[Any, ...]:
    """Choose at most so many items, evenly, with both ends."""
    return tuple(items[i] for i in np.unique(np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)))


def minutes(wanted: Experiment, recipes: Sequence[str]) -> float:
    """Estimate the minutes of one core that training all models of an experiment takes."""
    points = product(recipes, wanted.lines, wanted.values)
    cells = [{**OPTIONS, **wanted.cell(line, value, recipe)} for recipe, line, value in points]
    return wanted.seeds * sum(lane_seconds(program_of(cell), recipe_of(cell).steps) for cell in cells) / 60


def described(wanted: Experiment, recipe: str, line: Line, value: int) -> dict[str, Any]:
    """Return what all repetitions of a point share: where it is drawn, the published accuracy and the floors."""
    cell = {**OPTIONS, **wanted.cell(line, value, recipe)}
    shape = shape_of(cell)
    floors = {name: floor(id, shape.quantities, count_of(cell)) for name, id in FLOORS.items()}
    return {
        "line": line.label,
        wanted.x: value,
        "recipe": recipe,
        "published": line.accuracy[wanted.values.index(value)],
        **(floors if shape.attention_only else dict.fromkeys(FLOORS)),
    }


def floor(bound: str, quantities: Mapping[str, int], associations: int) -> float | None:
    """Return the accuracy that a bound promises, if it speaks of such a shape (the theorem does not of $d_h > d$)."""
    try:
        return min(1.0, float(bounds.value(bound, **quantities)) / associations)
    except UnmetError:
        return None


def summary(table: pl.DataFrame, x: str) -> dict[str, Any]:
    """Compare the mean over the repetitions with the published accuracies."""
    out: dict[str, Any] = {}
    for (recipe,), rows in table.group_by("recipe", maintain_order=True):
        means = rows.group_by("line", x, maintain_order=True).agg(
            pl.col("accuracy").mean(), pl.col("published").first()
        )
        off = means["accuracy"] - means["published"]
        # Other recipes are to be better, not near.
        near = (0.03, 0.05) if recipe == "paper" else ()
        out |= {
            **{f"{recipe}: within {most}": f"{(off.abs() <= most).sum()} of {len(off)}" for most in near},
            f"{recipe}: least excess": round(float(off.min()), 3),  # type: ignore[arg-type]
            f"{recipe}: accuracy": means.to_dicts(),
        }
    return out
