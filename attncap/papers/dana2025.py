r"""Dana, Pydi, Chevaleyre 2025: memorization in attention-only transformers (arXiv 2411.10115).

Ten figures of six experiments and their repetitions at larger sizes, the published accuracies as open marks on the
measured lines. What is followed is the authors' code where it differs from the text (see docs/train.md); every model
has its own task.
"""

import warnings
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from attncap import bounds, scaling
from attncap.errors import UnmetError
from attncap.papers import capacities
from attncap.papers.dana2025_data import EXPERIMENTS, Experiment, Line
from attncap.papers.figure import Drawing, Figure
from attncap.papers.stored import stored
from attncap.progress import bar
from attncap.train.cells import OPTIONS, count_of, program_of, recipe_of, shape_of
from attncap.train.cost import lane_seconds

if TYPE_CHECKING:
    import altair as alt

AXES = {"heads": "heads H", "head_dim": "head dimension d_h", "embedding_dim": "embedding dimension d"}
FLOORS = {"theorem": "dana2025", "corrected": "corrected", "previous": "mahdavi2024"}
# The corrected count is drawn by the theorem's line: it differs in the table where data fall short of d dimensions.
DASHES = {"theorem": ("dotted: theorem", [2, 3]), "previous": ("dashed: previous bound", [7, 4])}
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


def sloped(wanted: Experiment, scale: str) -> Experiment:
    """Leave out lines and repetitions of quick slopes, which need every number of heads."""
    return wanted if scale == "paper" else wanted.thinned(spread(wanted.lines, 4), wanted.values, 2)


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
    return Drawing({"slopes": table.to_dicts(), **growth(table)}, table, slope_chart(table))


def slope(heads: Any, accuracy: Any) -> float:
    """Return the slope of accuracy in heads, up to the first accuracy above .95."""
    part = scaling.before_saturation(np.asarray(accuracy))
    return float(np.polyfit(np.asarray(heads)[part], np.asarray(accuracy)[part], 1)[0])


def growth(table: pl.DataFrame) -> dict[str, str]:
    """Say which law the slopes follow in d."""
    out = {}
    for (series,), rows in table.group_by("series", maintain_order=True):
        if len(rows) > 5:
            with warnings.catch_warnings(action="ignore", category=scaling.ScalingWarning):
                found = scaling.fit(rows["d"].to_numpy(), rows["slope"].to_numpy(), resamples=0)
            out[f"{series}: best law"] = " or ".join((found.best, *found.close))
    return out


def chart(table: pl.DataFrame, wanted: Experiment) -> "alt.TopLevelMixin":
    """Draw measured means with their range, the published points, and the theorem's floor."""
    import altair as alt

    means = table.group_by("recipe", "line", wanted.x, maintain_order=True).agg(
        pl.col("accuracy").mean(),
        low=pl.col("accuracy").min(),
        high=pl.col("accuracy").max(),
        **{name: pl.col(name).first() for name in ("published", *FLOORS)},
    )
    names = means["line"].unique(maintain_order=True).to_list()
    x = alt.X(f"{wanted.x}:Q", title=AXES[wanted.x], axis=alt.Axis(grid=False, format="d"))
    scheme = alt.Scale(domain=names, scheme="viridis") if len(names) > 1 else alt.Scale(domain=names, range=["#1b6ca8"])
    color = alt.Color("line:N", title=None, sort=None, scale=scheme)

    top = np.ceil(5 * means.select(pl.max_horizontal("high", "published").max()).item()) / 5
    bounded = [name for name in DASHES if means[name].null_count() < len(means)]

    def y(name: str) -> alt.Y:
        axis = alt.Axis(format="~g", gridOpacity=0.4, tickCount=6)
        return alt.Y(f"{name}:Q", title="accuracy", scale=alt.Scale(domain=[0, top]), axis=axis)

    base = alt.Chart(means)
    layers = [
        *(base.mark_line(strokeDash=DASHES[name][1], strokeWidth=1).encode(x, y(name), color) for name in bounded),
        base.mark_line(strokeWidth=1.8).encode(x, y("accuracy"), color),
        base.mark_rule().encode(x, y("low"), alt.Y2("high"), color),
        base.mark_point(size=46, strokeWidth=1.4, filled=False, opacity=1).encode(x, y("published"), color),
    ]
    measured = f"mean and range of {wanted.seeds}" if wanted.seeds > 1 else "one model a point"
    marks = [f"lines: measured ({measured})", "circles: published", *(DASHES[name][0] for name in bounded)]
    note = f"N = {wanted.shared['vocabulary']}, S = 2; {'; '.join(marks)}"
    panels = (
        alt.layer(*layers)
        .properties(width=360, height=280)
        .facet(
            column=alt.Column(
                "recipe:N",
                title=None,
                sort=list(RECIPES["paper"]),
                header=alt.Header(labelExpr="'recipe ' + datum.value"),
            )
        )
    )
    return panels.properties(title=alt.Title(wanted.title, subtitle=note, anchor="start"))


def slope_chart(table: pl.DataFrame) -> "alt.TopLevelMixin":
    """Draw the slopes on logarithmic axes, where a power of d is a line."""
    import altair as alt

    names = table["series"].unique(maintain_order=True).to_list()
    color = alt.Color("series:N", title=None, sort=names, scale=alt.Scale(domain=names, scheme="category10"))
    dims = table["d"].unique().sort().to_list()
    scale = alt.Scale(type="log", nice=False, padding=8)
    x = alt.X("d:Q", title="d = d_h", scale=scale, axis=alt.Axis(grid=False, format="d", values=dims))
    y = alt.Y(
        "slope:Q", title="accuracy a head", scale=alt.Scale(type="log"), axis=alt.Axis(format="~g", gridOpacity=0.4)
    )
    base = alt.Chart(table)
    published, ours = (base.transform_filter(f"datum.series {sign} 'published'") for sign in ("==", "!="))
    lines = ours.mark_line(point=True).encode(x, y, color)
    circles = published.mark_point(size=70, filled=False, strokeWidth=1.5).encode(x, y, color)
    ranges = ours.transform_filter("datum.low != null").mark_rule().encode(x, alt.Y("low:Q"), alt.Y2("high"), color)
    title = alt.Title(
        "Accuracy gained a head", subtitle="up to the first accuracy above .95; N = 50, S = 2", anchor="start"
    )
    return alt.layer(lines, ranges, circles).properties(width=420, height=280, title=title)


def figure(wanted: Experiment) -> Figure:
    """Register an experiment."""
    published = {
        **wanted.shared,
        **wanted.schedule,
        wanted.x: wanted.values,
        "accuracy": {line.label: line.accuracy for line in wanted.lines},
        "repetitions": wanted.seeds,
    }
    return Figure(
        wanted.id,
        wanted.title,
        published,
        lambda scale, seed: experiment(scaled(wanted, scale), RECIPES[scale], seed),
        lambda scale: minutes(scaled(wanted, scale), RECIPES[scale]),
    )


def slope_figure(heads: Experiment) -> Figure:
    """Register the slopes of the experiment on heads."""
    published = {line.options["embedding_dim"]: slope(heads.values, line.accuracy) for line in heads.lines}
    title = "Accuracy gained a head, against the dimension"
    return Figure(
        "fig2b",
        title,
        {"slopes": published},
        lambda scale, seed: slopes(heads, scale, seed),
        lambda scale: minutes(sloped(heads, scale), RECIPES[scale]),
    )


# In the order of the paper: 1a, 1b, 2a, 2b, 3 to 10.
FIGURES = (
    *map(figure, EXPERIMENTS[:3]),
    slope_figure(EXPERIMENTS[0]),
    *map(figure, EXPERIMENTS[3:]),
    *capacities.FIGURES,
)
