"""What the paper lacks: capacity, not accuracy, promised, constructed and trained on the same shapes; ablations."""

import statistics
from collections.abc import Mapping
from typing import Any

import polars as pl

from attncap.commands.train import OPTIONS
from attncap.papers.figure import Drawing
from attncap.papers.mahdavi2024.fitting import line
from attncap.papers.mahdavi2024.settings import MINI, Scale, X
from attncap.papers.stored import stored
from attncap.plots.labelled import counts_chart, shares_chart
from attncap.result import several

SHAPE: Mapping[Scale, Mapping[str, int]] = {
    "quick": {"embedding_dim": 8, "context": 4, "heads": 3, "head_dim": 8},
    "paper": {"embedding_dim": 16, "context": 8, "heads": 6, "head_dim": 16},
}
VALUES: Mapping[Scale, Mapping[X, tuple[int, ...]]] = {
    "quick": {"heads": (1, 2, 3, 4, 6), "context": (2, 3, 4, 6, 8), "head_dim": (1, 2, 3, 4, 6, 8)},
    "paper": {"heads": (1, 2, 4, 6, 9, 12), "context": (2, 4, 6, 8, 12, 16), "head_dim": (2, 4, 6, 8, 12, 16)},
}
SEEDS: Mapping[Scale, int] = {"quick": 3, "paper": 3}
CLASSES: Mapping[Scale, int] = {"quick": 4, "paper": 25}
TARGET = 0.99
# Options of a search by series; the counts of the bounds come with each.
SEARCHES: Mapping[str, Mapping[str, Any]] = {
    "generic scores, least squares": {"method": "lstsq"},
    "scores chosen for the labels": {"method": "chosen"},
    "trained, real labels to R² .99": {"method": "train", "classes": 0, "target": TARGET},
    "trained, classes to accuracy .99": {"method": "train", "target": TARGET},
}
# Least squares over scores and readout takes longer than a training run beyond so many heads.
CHOSEN_HEADS = 4
SECONDS: Mapping[Scale, float] = {"quick": 18.0, "paper": 400.0}
NAMES: Mapping[X, str] = {"heads": "heads", "context": "the context size", "head_dim": "the head dimension"}


def capacities(x: X, shared: bool, scale: Scale, seed: int) -> Drawing:
    """Search the capacity of each shape by each method, beside what theory counts."""
    points = list(asked(x, scale))
    cells = [options(x, value, series, shared, scale, seed) for series, value in points]
    found = stored("capacity", cells, alone=True).to_dicts()
    rows: list[dict[str, Any]] = []
    for (series, value), one in zip(points, found, strict=True):
        if series == next(iter(SEARCHES)):
            rows += [row("theorem", x, value, [one["theorem"]]), row("rank of the features", x, value, [one["rank"]])]
        rate = one.get("bits_per_parameter") if series.startswith("trained") else None
        rows.append(row(series, x, value, one["seeds"], rate))
    table = pl.DataFrame(rows, infer_schema_length=None).sort("series", x, maintain_order=True)
    lines = {
        series: line(own[x].to_numpy().astype(float), own["examples"].to_numpy().astype(float))
        for (series,), own in table.group_by("series", maintain_order=True)
        if own.height > 2
    }
    size = ", ".join(f"{name} {value}" for name, value in SHAPE[scale].items() if name != x).replace("_", " ")
    title = f"Capacity against {NAMES[x]}: {'one context' if shared else 'a context for each example'}"
    note = [
        f"setting: ours; {size}; uniform examples, {CLASSES[scale]} classes; recipe best",
        f"bars: range of {SEEDS[scale]} seeds; searches stop at brackets of 5 % (trained)",
    ]
    return Drawing({"lines": lines, "capacities": rows}, table, counts_chart(table, x=x, title=title, note=note))


def asked(x: X, scale: Scale) -> Any:
    """Yield series and value of each search."""
    for series, how in SEARCHES.items():
        for value in VALUES[scale][x]:
            if how["method"] != "chosen" or x != "heads" or value <= CHOSEN_HEADS:
                yield series, value


def options(x: X, value: int, series: str, shared: bool, scale: Scale, seed: int) -> dict[str, Any]:
    """Return the options of one search."""
    how = {"classes": 100, "target": 1, **SEARCHES[series]}
    if how["method"] == "train" and how["classes"]:
        how["classes"] = CLASSES[scale]
    shape = {**SHAPE[scale], x: value}
    return {"kind": "examples", **shape, "shared_context": shared, **how, "seeds": SEEDS[scale], "seed": seed}


def row(series: str, x: X, value: int, reached: list[int], rate: float | None = None) -> dict[str, Any]:
    """Return what the median seed holds, with the range over the seeds."""
    return {
        "series": series,
        x: value,
        "examples": statistics.median_low(reached),
        "low": min(reached),
        "high": max(reached),
        "bits_per_parameter": rate,
    }


def minutes(x: X, scale: Scale) -> float:
    """Estimate the minutes of one core."""
    return len(list(asked(x, scale))) * SECONDS[scale] / 60


# One change each; T is what the whole model holds in part only.
ABLATIONS: Mapping[str, Mapping[str, Any]] = {
    "as in the paper": {},
    "no embedding": {"without": "embedding"},
    "no positions": {"without": "positions"},
    "no decoder": {"without": "decoder"},
    "values of d dimensions": {"value_dim": MINI["embedding_dim"]},
    "scores not scaled": {"score_scale": 1.0},
    "query among its keys": {"own_key": True},
    "scores below 2": {"score_cap": 2.0},
    "real labels": {"classes": 0},
}
ABLATION_COUNT = 800
ABLATION_SEEDS = 2
ABLATION_SECONDS = 20.0


def ablations(scale: Scale, seed: int) -> Drawing:
    """Train the miniature by recipe best with one part changed at a time, on the same examples."""
    seeds = range(seed, seed + ABLATION_SEEDS)
    shared = {**OPTIONS, **MINI, "kind": "examples", "count": ABLATION_COUNT}
    asked = [(name, contexts, number) for name in ABLATIONS for contexts in ("shared", "distinct") for number in seeds]
    cells = [{**shared, **ABLATIONS[name], "contexts": contexts, "seed": number} for name, contexts, number in asked]
    found = stored("train", cells).select("accuracy", "bits", "bits_per_parameter", "parameters")
    table = pl.concat(
        [pl.DataFrame(asked, schema=["change", "contexts", "seed"], orient="row"), found], how="horizontal"
    )
    means = table.group_by("change", "contexts", maintain_order=True).agg(
        pl.col("accuracy", "bits", "bits_per_parameter").mean(), pl.col("parameters").first()
    )
    places = {name: place for place, name in enumerate(ABLATIONS, 1)}
    drawn = means.select(series="contexts", change=pl.col("change").replace_strict(places), value="accuracy")
    note = [
        f"setting: ours; d = {MINI['embedding_dim']}, n = {MINI['context']}, H = {MINI['heads']}, "
        f"T = {ABLATION_COUNT}, {MINI['classes']} classes; recipe best; mean of {several(ABLATION_SEEDS, 'seed')}",
        "; ".join(f"{place} {name}" for name, place in places.items()),
    ]
    title = "Accuracy with one part of the model changed"
    return Drawing(
        {"ablations": means.to_dicts()}, table, shares_chart(drawn, x="change", y="accuracy", title=title, note=note)
    )


def ablation_minutes(scale: Scale) -> float:
    """Estimate the minutes of one core."""
    return len(ABLATIONS) * 2 * ABLATION_SEEDS * ABLATION_SECONDS / 60
