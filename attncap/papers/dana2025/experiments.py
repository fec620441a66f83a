"""The experiments: every point trained, over the published numbers."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from attncap.commands.train import OPTIONS, program_of, recipe_of, shape_of
from attncap.papers.dana2025.floors import FLOORS, floors
from attncap.papers.dana2025.published import Experiment, Line
from attncap.papers.figure import Drawing
from attncap.papers.stored import stored
from attncap.plots.experiments import accuracy_chart
from attncap.progress import bar
from attncap.train.loop.cost import lane_seconds

RECIPES = {"quick": ("paper",), "paper": ("paper", "best")}
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
    return Drawing(summary(table, wanted.x), table, drawn(table, wanted))


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
    shape = shape_of({**OPTIONS, **wanted.cell(line, value, recipe)})
    # The floors of one layer are floors of several: the others can be switched off, for each has a skip connection.
    sizes = (shape.vocabulary, shape.embedding_dim, shape.head_dim, shape.heads)
    return {
        "line": line.label,
        "kind": line.kind,
        wanted.x: value,
        "paper_parameters": wanted.parameters(line, value),
        "recipe": recipe,
        "published": line.accuracy[wanted.values.index(value)],
        **(floors(*sizes) if line.kind == "attention" else {**dict.fromkeys(FLOORS), "random": 1 / shape.vocabulary}),
    }


def means(table: pl.DataFrame, x: str) -> pl.DataFrame:
    """Average over the repetitions, and give their range."""
    return table.group_by("recipe", "line", "kind", x, maintain_order=True).agg(
        pl.col("accuracy").mean(),
        low=pl.col("accuracy").min(),
        high=pl.col("accuracy").max(),
        **{name: pl.col(name).first() for name in ("published", "paper_parameters", *FLOORS)},
    )


def drawn(table: pl.DataFrame, wanted: Experiment) -> Any:
    """Draw an experiment over the published accuracies, with the floors of one of its lines."""
    points = means(table, wanted.x)
    x = "parameters" if wanted.by_parameters else wanted.x
    points = points.rename({"paper_parameters": "parameters"} if wanted.by_parameters else {})
    attention = [line.label for line in wanted.lines if line.kind == "attention"]
    shown = wanted.shown if wanted.shown in attention else attention[-1]
    below = floor_lines(points.filter(line=shown, recipe=points["recipe"][0]), x)
    sizes = {line.label: line.size for line in wanted.lines}
    measured = f"mean and range of {wanted.seeds} models" if wanted.seeds > 1 else "one model per point"
    note = [
        wanted.source,
        f"N = {wanted.shared['vocabulary']}, S = 2; lines: measured ({measured}); open marks: published",
    ]
    if len(attention) > 1:
        note.append(f"floors: those of {shown}")
    if wanted.shared.get("depth", 1) > 1:
        note.append(
            "floors: those of one layer; parameters: of three layers" if x == "parameters" else "floors: of one layer"
        )
    if points.filter(pl.col("theorem").is_null(), kind="attention").height:
        note.append("no floor where dₕ > d: the theorem assumes dₕ ≤ d")
    return accuracy_chart(
        points.rename({"recipe": "panel"}).with_columns(pl.col("line").replace_strict(sizes)),
        below,
        x=x,
        title=wanted.title,
        note=note,
        panels={recipe: f"recipe {recipe}" for recipe in points["recipe"].unique(maintain_order=True)},
    )


def floor_lines(points: pl.DataFrame, x: str) -> pl.DataFrame:
    """Return the floors of one line's points, one row each; our count only where it differs from the theorem's."""
    same = points["corrected"].equals(points["theorem"])
    names = [name for name in FLOORS if not (same and name == "corrected")]
    return points.select(x, *names).unpivot(index=x, variable_name="floor", value_name="accuracy").drop_nulls()


def summary(table: pl.DataFrame, x: str) -> dict[str, Any]:
    """Compare the mean over the repetitions with the published accuracies."""
    out: dict[str, Any] = {}
    for (recipe,), rows in table.group_by("recipe", maintain_order=True):
        each = means(rows, x).select("line", x, "accuracy", "published")
        off = each["accuracy"] - each["published"]
        # Other recipes are to be better, not near.
        near = (0.03, 0.05) if recipe == "paper" else ()
        out |= {
            **{f"{recipe}: within {most}": f"{(off.abs() <= most).sum()} of {len(off)}" for most in near},
            f"{recipe}: least excess": round(float(off.min()), 3),  # type: ignore[arg-type]
            f"{recipe}: accuracy": each.to_dicts(),
        }
    return out
