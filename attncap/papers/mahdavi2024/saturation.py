"""Saturation over training: the proof freezes examples by saturated softmaxes; does training need that too."""

from typing import Any

import polars as pl

from attncap import bounds
from attncap.papers.figure import Drawing
from attncap.papers.mahdavi2024.settings import MINI, MINI_RECIPE, Scale
from attncap.papers.stored import stored
from attncap.plots.labelled import shares_chart

PUBLISHED = {"heads, examples": [(4, 550), (8, 1300)], "context": 32, "steps": 300_000, "weight": 0.99}
# As many times the theorem's count as the authors' 550 and 1,300 are: 4.4 and 5.2.
MINI_SHAPES = ((4, 128), (8, 296))
CAPS = (None, 2.0)
SECONDS = {"quick": 12.0, "paper": 120.0}
TITLE = "Examples and heads whose softmax is saturated, over training"


def saturation(scale: Scale, seed: int) -> Drawing:
    """Train the authors' shapes (or a miniature) and count saturated softmaxes, also where scores are capped."""
    asked = [(*shape, cap) for shape in shapes(scale) for cap in CAPS]
    found = stored("saturation", [cell(scale, heads, count, cap, seed) for heads, count, cap in asked], alone=True)
    rows, ends = [], []
    for (heads, count, cap), accuracy, way in zip(asked, found["accuracy"], moments(found), strict=True):
        series = f"H = {heads}, T = {count}" + (f", scores below {cap:g}" if cap else "")
        rows += [
            {"series": series, "step": int(step), "value": value, "heads": hard, "told_apart": apart}
            for step, value, hard, apart in zip(*way, strict=True)
        ]
        context = cell(scale, heads, count, cap, seed)["context"]
        ends.append(
            {
                "series": series,
                "theorem": int(bounds.value("mahdavi2024", heads=heads, context=context, head_dim=64)),
                "accuracy": accuracy,
                "saturated": rows[-1]["value"],
                "saturated_heads": rows[-1]["heads"],
                "told_apart_per_head": rows[-1]["told_apart"],
                "told_apart_per_head_in_the_proof": context - 1,
            }
        )
    table = pl.DataFrame(rows)
    note = [
        f"Mahdavi et al. 2024; n = {cell(scale, 1, 1, None, 0)['context']}, one context, recipe paper without stopping",
        "saturated: the largest weight exceeds .99; one seed; scores capped: ours",
    ]
    chart = shares_chart(table, x="step", y="share of examples and heads", title=TITLE, note=note)
    return Drawing({"ends": ends}, table, chart)


def moments(found: pl.DataFrame) -> list[tuple[list[float], ...]]:
    """Return step, share, heads and examples told apart of each run, in order."""
    names = ("way.step", "way.saturated", "way.heads", "way.told_apart")
    return list(zip(*(found[name].to_list() for name in names), strict=True))


def shapes(scale: Scale) -> tuple[tuple[int, int], ...]:
    """Return heads and examples of each run."""
    return MINI_SHAPES if scale == "quick" else tuple(PUBLISHED["heads, examples"])  # type: ignore[arg-type]


def cell(scale: Scale, heads: int, count: int, cap: float | None, seed: int) -> dict[str, Any]:
    """Return the options of one run."""
    sizes = {**MINI, **MINI_RECIPE} if scale == "quick" else {"batch": None, "rate": None}
    return {**sizes, "heads": heads, "count": count, "score_cap": cap, "seed": seed}


def minutes(scale: Scale) -> float:
    """Estimate the minutes of one core."""
    return len(CAPS) * len(shapes(scale)) * SECONDS[scale] / 60
