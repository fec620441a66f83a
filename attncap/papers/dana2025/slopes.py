"""Experiment 4: how fast accuracy grows with heads."""

import warnings
from typing import Any

import numpy as np
import polars as pl

from attncap import scaling
from attncap.papers.dana2025 import fitting
from attncap.papers.dana2025.experiments import RECIPES, experiment, spread
from attncap.papers.dana2025.published import Experiment
from attncap.papers.figure import Drawing
from attncap.plots.experiments import slope_chart


def sloped(wanted: Experiment, scale: str) -> Experiment:
    """Leave out lines and repetitions of quick slopes, which need every number of heads."""
    return wanted if scale == "paper" else wanted.thinned(spread(wanted.lines, 4), wanted.values, 2)


def slopes(wanted: Experiment, scale: str, seed: int) -> Drawing:
    """Draw how fast accuracy grows with heads, against the dimension: Experiment 4, from the points of Experiment 1."""
    drawn = experiment(sloped(wanted, scale), RECIPES[scale], seed).table
    drawn = drawn.with_columns(d=pl.col("line").str.extract(r"(\d+)").cast(pl.Int64))
    rows = []
    for line in wanted.lines:
        d = line.options["embedding_dim"]
        rows.append(
            {"d": d, "series": "published", "slope": slope(wanted.values, line.accuracy), "low": None, "high": None}
        )
        rows.append(
            {"d": d, "series": "theorem", "slope": d / wanted.shared["vocabulary"] ** 2, "low": None, "high": None}
        )
    for (recipe, d), points in drawn.group_by("recipe", "d", maintain_order=True):
        fits = [slope(one["heads"].to_list(), one["accuracy"].to_list()) for _, one in points.group_by("seed")]
        rows.append({"d": d, "series": f"recipe {recipe}", "slope": np.mean(fits), "low": min(fits), "high": max(fits)})
    table = pl.DataFrame(rows, strict=False)
    marks = f"up to the first accuracy above .95; N = {wanted.shared['vocabulary']}, S = 2; bars: range of the models"
    note = ["Dana et al. 2025, Figure 2b", marks]
    chart = slope_chart(table, title="Accuracy gained per head", note=note)
    return Drawing({"slopes": table.to_dicts(), **growth(table)}, table, chart)


def slope(heads: Any, accuracy: Any) -> float:
    """Return the slope of accuracy in heads, up to the first accuracy above .95."""
    part = scaling.before_saturation(np.asarray(accuracy))
    return fitting.slope(np.asarray(heads, dtype=np.float64)[part], np.asarray(accuracy)[part])


def growth(table: pl.DataFrame) -> dict[str, str]:
    """Say which law the slopes follow in d."""
    out = {}
    for (series,), rows in table.group_by("series", maintain_order=True):
        if len(rows) > 5:
            with warnings.catch_warnings(action="ignore", category=scaling.ScalingWarning):
                found = scaling.fit(rows["d"].to_numpy(), rows["slope"].to_numpy())
            out[f"{series}: best law"] = " or ".join(filter(None, (found.best, *found.close)))
    return out
