"""Every chart by its numbers: what it draws is what the result says."""

import json
import math
import re
from functools import cache, wraps
from types import SimpleNamespace

import altair as alt
import numpy as np
import polars as pl
import pytest
import vl_convert

from attncap import bounds, construct, plots
from attncap.interpolation import error
from attncap.plots import experiments, interpolation, live, theme
from attncap.tasks import random_associations

from .marks import marks

TASK = random_associations(20, 2, 100)
RIDGES = np.array([0.1, 1.0, 10.0])


def specified(make):
    """Make a chart's specification, once."""

    @cache
    @wraps(make)
    def specification():
        return make().to_dict()

    return specification


def drawn(chart, mark, y, series=None, nth=0):
    """Return the y of the nth mark of a kind that draws a field, of one series."""
    rows = [(fields, rows) for kind, fields, rows in marks(chart) if (kind, fields.get("y")) == (mark, y)][nth]
    return [row[y] for row in rows[1] if series is None or row[rows[0]["color"]] == series]


@specified
def capacity_check():
    return plots.capacity_check(TASK, 8, fit=construct.theorem(TASK, embedding_dim=8))


@specified
def plan_chart():
    return plots.plan_chart(bounds.plan(associations=1000, vocabulary=50, context=2), points=3)


ENCODERS = {
    "text": [SimpleNamespace(embedding_dim=d, kl=k, kl_svd=2 * k) for d, k in ((1, 0.5), (4, 0.01), (8, 1e-9))],
    "noise": [SimpleNamespace(embedding_dim=1, kl=0.7, kl_svd=0.9)],
}


@specified
def softmax_bottleneck():
    return plots.softmax_bottleneck(ENCODERS)


class Ensemble(SimpleNamespace):
    """What a chart of training asks of one."""


RUN = Ensemble(
    steps=np.array([3, 2]),
    curves=pl.DataFrame(
        {
            "seed": [0, 0, 0, 1, 1],
            "step": [0, 1, 2, 0, 1],
            "loss": [3.0, 1.0, 0.0, 2.0, 1.0],
            "accuracy": [0.1, 0.5, 1.0, 0.2, 0.4],
            "bits_per_parameter": [0.0, 0.5, 1.0, 0.1, 0.2],
        }
    ),
    task=SimpleNamespace(name="random", associations=20, bits=60.0),
    shape=SimpleNamespace(summary="2 heads"),
    recipe=SimpleNamespace(name="best"),
    parameters=40,
)


@specified
def training_chart():
    return plots.training_chart(RUN)


def points(panel):
    return [
        {"panel": panel, "line": f"d = {d}", "kind": kind, "heads": h, "accuracy": d * h / 40, "published": d * h / 50,
         "low": d * h / 41, "high": d * h / 39}
        for d in (2, 3) for kind in ("attention", "perceptron") for h in (1, 5)
    ]  # fmt: skip


MEANS = pl.DataFrame(points("paper") + points("best"))
FLOORS = pl.DataFrame(
    {"floor": ["theorem", "theorem", "random", "random"], "heads": [1, 5, 1, 5], "accuracy": [0.1, 0.2, 0.02, 0.02]}
)


@specified
def accuracy_chart():
    panels = {"paper": "recipe paper", "best": "recipe best"}
    return experiments.accuracy_chart(MEANS, FLOORS, x="heads", title="t", note=["n"], panels=panels)


SLOPES = pl.DataFrame(
    [("published", 3, 0.01, None, None), ("published", 5, 0.02, None, None), ("recipe paper", 3, 0.02, 0.01, 0.03)],
    schema=["series", "d", "slope", "low", "high"],
    orient="row",
)


@specified
def slope_chart():
    return experiments.slope_chart(SLOPES, title="t", note="n")


CAPACITIES = pl.DataFrame(
    [("promised", 1, 20, 20, 20, 0.1), ("promised", 4, 50, 50, 50, 0.2), ("trained", 1, 90, 80, 95, 0.7)],
    schema=["series", "heads", "associations", "low", "high", "bits_per_parameter"],
    orient="row",
)


@specified
def capacities_chart():
    levels = {"everything": {"all 2,500 sequences": 2500}, "rates": {"2: Allen-Zhu & Li 2025": 2.0}}
    return experiments.capacities_chart(CAPACITIES, **levels, title="t", note="n")


RESULT = error("tanh", ratio=0.5, ridge=RIDGES, snr=1.0).simulate(40, 3)
GRID = error("relu", ratio=np.array([[0.5], [2.0]]), ridge=RIDGES)


@specified
def error_curve():
    return interpolation.error_curve(RESULT)


@specified
def error_grid():
    return interpolation.error_curve(GRID)


CURVES = pl.DataFrame(
    {"ridge": [1e-3, 1.0, 1.0], "series": ["prediction", "prediction", "real"], "theory": [0.1, 0.3, None],
     "mean": [None, None, 0.28], "stderr": [None, None, 0.02]}
)  # fmt: skip


@specified
def panels():
    return interpolation.panels({"whitened": CURVES, "scaled": CURVES}, "ridge", title="t", note="n")


CHARTS = (
    capacity_check, plan_chart, softmax_bottleneck, training_chart, accuracy_chart, slope_chart, capacities_chart,
    error_curve, error_grid, panels,
)  # fmt: skip


def texts(view):
    """Return everything a reader can read in a chart's specification."""
    if isinstance(view, dict):
        for name, part in view.items():
            if name in ("text", "title", "subtitle", "domain") and not isinstance(part, dict):
                yield from ([part] if isinstance(part, str) else map(str, part or ()))
            elif name != "datasets":
                yield from texts(part)
    elif isinstance(view, list):
        for part in view:
            yield from texts(part)


@pytest.mark.parametrize("make", CHARTS)
def test_every_chart_has_the_theme_and_draws_numbers(make):
    whole = make()
    assert whole["config"]["font"] == theme.FONT
    assert whole["title"]["text"]
    for said in texts(whole):
        assert "d_h" not in said
        assert not said.endswith((" a head", " a parameter", " a model"))
    for _, fields, rows in marks(whole):
        for channel in ("x", "y", "y2"):
            values = [row[fields[channel]] for row in rows if channel in fields]
            assert all(value is None or np.isfinite(value) for value in values)
    colours = {each for part in find(whole, "range") for each in part if isinstance(each, str) and each[0] == "#"}
    assert colours <= {*theme.COLOURS, theme.GREY, theme.DARK, *theme.ramp(2)}


@pytest.mark.parametrize("make", CHARTS)
def test_every_chart_comes_alive(make):
    whole = make()
    alive, legends = live.live(whole)
    vl_convert.vegalite_to_vega(alive)
    assert whole == make()
    assert "title" not in alive
    assert alive.get("params", []) == [{"name": each["hidden"], "value": []} for each in legends]
    filters = [each["filter"] for part in find(alive, "transform") for each in part if "filter" in each]
    for each in legends:
        assert set(each["entries"]) >= {
            row[each["field"]] for _, _, rows in marks(whole) for row in rows if each["field"] in row
        }
        assert any(each["hidden"] in test for test in filters)
    names = [param["name"] for part in find(alive, "params") for param in part]
    assert len(names) == len(set(names))


def test_what_stands_for_what_moves_to_the_page():
    alive, (legend,) = live.live(capacity_check())
    assert list(legend["entries"]) == [name for name in plots.capacity.SERIES if name in legend["entries"]]
    assert legend["entries"]["trained: 2 bits per parameter"] == {
        "colour": theme.GREY,
        "dash": theme.DOTTED,
        "line": True,
    }
    assert [each["color"]["legend"] for each in find(alive, "encoding") if "color" in each] == [None]


def find(view, key):
    """Return every value of a key in a specification."""
    if isinstance(view, dict):
        for name, part in view.items():
            if name == key:
                yield part
            else:
                yield from find(part, key)
    elif isinstance(view, list):
        for part in view:
            yield from find(part, key)


def test_no_tick_stands_between_whole_numbers():
    """4.5 would be called 5."""
    data = pl.DataFrame({"dim": [4, 5], "held": [8, 10]})
    x, y = theme.channel(alt.X, "dim", "d", whole=True), theme.channel(alt.Y, "held", "associations", whole=True)
    svg = vl_convert.vegalite_to_svg(theme.rows(data).mark_line().encode(x, y).properties(width=400).to_dict())
    labels = re.findall(r"<text[^>]*>(\d+)</text>", svg)
    assert sorted(labels, key=int) == ["4", "5", "8", "9", "10"]


@pytest.mark.parametrize("series", plots.capacity.SERIES)
def test_the_capacity_check_draws_the_bounds(series):
    bound = plots.capacity.SERIES[series]
    vocabulary, context, count, dim, head = (12, 3, 120, 5, 1) if bound == "joint" else (90, 2, 300, 16, 16)
    task = random_associations(vocabulary, context, count)
    rows = marks(plots.capacity_check(task, dim, head).to_dict())[0][2]
    shape = {"embedding_dim": dim, "head_dim": head, "vocabulary": vocabulary, "context": context}
    shape |= {"data_rank": task.data_rank, "queries": task.queries, "answers": len(set(task.answers.tolist()))}
    each = task.bits / task.associations
    mine = [row for row in rows if row["series"] == series]
    assert mine
    for row in mine:
        value = float(bounds.value(bound, heads=row["heads"], **shape))
        in_bits = bounds.CATALOGUE[bound].unit == "bits"
        assert row["associations"] == pytest.approx(value / each if in_bits else value)
        assert row["bits"] == pytest.approx(row["associations"] * each)


def test_the_capacity_check_marks_the_task_and_the_memory():
    fit = construct.theorem(TASK, embedding_dim=8)
    assert drawn(capacity_check(), "rule", "bits") == [TASK.bits]
    ((row,),) = [rows for kind, _, rows in marks(capacity_check()) if kind == "point"]
    assert (row["heads"], row["bits"]) == (fit.shape.heads, fit.bits)


def test_the_plan_s_chart_draws_the_plans():
    chart = plan_chart()
    rows = marks(chart)[0][2]
    counts = sorted({row["associations"] for row in rows})
    assert (len(counts), 1000 in counts) == (4, True)
    for count in counts:
        plans = bounds.plan(associations=count, bits=count * math.log2(50), vocabulary=50, context=2)
        for one in (*plans.plans, *plans.references):
            mine = [row["parameters"] for row in rows if (row["id"], row["associations"]) == (one.method, count)]
            assert mine == [one.parameters]
    assert {row["associations"] for row in marks(chart)[-1][2]} == {1000}


def test_the_bottleneck_s_lines_are_the_encoders():
    rows = marks(softmax_bottleneck())[0][2]
    found = {(row["task"], row["kind"], row["d"]): row["kl"] for row in rows}
    for name, encoders in ENCODERS.items():
        for each in encoders:
            assert found[name, "best encoder found", each.embedding_dim] == max(each.kl, 1e-6)
            assert found[name, "truncated SVD", each.embedding_dim] == max(each.kl_svd, 1e-6)


def test_training_draws_every_model_s_curves_and_the_task_s_bits():
    chart = training_chart()
    assert drawn(chart, "line", "accuracy") == RUN.curves["accuracy"].to_list()
    assert drawn(chart, "line", "bits_per_parameter") == RUN.curves["bits_per_parameter"].to_list()
    assert drawn(chart, "line", "loss") == [3, 1, 1e-7, 2, 1]
    assert drawn(chart, "rule", "bits_per_parameter") == [1.5]


def test_accuracies_are_drawn_per_panel_over_the_published_and_the_floors():
    chart = accuracy_chart()
    for nth, panel in enumerate(("paper", "best")):
        mine = MEANS.filter(panel=panel)
        assert drawn(chart, "line", "accuracy", nth=2 * nth + 1) == mine["accuracy"].to_list()
        assert drawn(chart, "point", "published", nth=nth) == mine["published"].to_list()
        assert drawn(chart, "line", "accuracy", experiments.FLOORS["theorem"][0], nth=2 * nth) == [0.1, 0.2]
        assert drawn(chart, "line", "accuracy", experiments.FLOORS["random"][0], nth=2 * nth) == [0.02, 0.02]
    bars = [fields for kind, fields, _ in marks(chart) if kind == "rule"]
    assert bars == [{"x": "heads", "y": "low", "y2": "high", "color": "line"}] * 2


def test_slopes_and_capacities_are_the_tables():
    assert drawn(slope_chart(), "line", "slope") == [0.02]
    assert drawn(slope_chart(), "point", "slope") == [0.01, 0.02]
    assert drawn(slope_chart(), "rule", "low") == [0.01]
    assert drawn(capacities_chart(), "line", "associations") == CAPACITIES["associations"].to_list()
    assert drawn(capacities_chart(), "line", "bits_per_parameter") == CAPACITIES["bits_per_parameter"].to_list()
    assert drawn(capacities_chart(), "rule", "associations") == [2500]
    assert drawn(capacities_chart(), "rule", "bits_per_parameter") == [2.0]


def test_an_error_curve_draws_the_limit_the_baseline_and_the_simulation():
    chart = error_curve()
    assert drawn(chart, "line", "theory", "tanh") == RESULT.theory.tolist()
    assert drawn(chart, "line", "theory", "linear regression") == RESULT.linear_regression.tolist()
    assert drawn(chart, "point", "mean") == RESULT.simulated.mean.tolist()
    low, high = (RESULT.simulated.mean + sign * RESULT.simulated.stderr for sign in (-1, 1))
    assert drawn(chart, "rule", "low") == pytest.approx(low)
    bars = next(rows for kind, fields, rows in marks(chart) if fields.get("y2") == "high")
    assert [row["high"] for row in bars] == pytest.approx(high)


def test_the_longest_range_lies_on_the_axis_and_the_others_make_colours():
    chart = error_grid()
    assert {fields["x"] for kind, fields, _ in marks(chart) if kind == "line"} == {"ridge"}
    for row, ratio in enumerate(("0.5", "2")):
        assert drawn(chart, "line", "theory", f"relu, ratio {ratio}") == GRID.theory[row].tolist()
        baseline = drawn(chart, "line", "theory", f"linear regression, ratio {ratio}")
        assert baseline == GRID.linear_regression[row].tolist()
    (colours,) = {tuple(each) for each in find(chart, "range") if "#" in str(each[0])}
    assert colours == theme.COLOURS[:2] * 2


def test_a_page_says_what_it_is_fits_a_screen_and_lets_no_text_become_markup(tmp_path):
    name = "a</script><script>alert(1)</script><!--"
    chart = experiments.slope_chart(SLOPES, title=name, note="n")
    text = plots.save(chart, tmp_path / "c.html").read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert '<html lang="en">' in text
    assert 'name="viewport"' in text
    assert "<title>a&lt;/script&gt;" in text
    assert name not in text
    data = re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)[1]
    assert "".join(json.loads(data)["full"]["title"]["text"]) == name.replace(" ", "")
    assert text.count("</script>") == 2


def test_one_point_is_drawn_as_a_point():
    chart = interpolation.error_curve(error("tanh", ratio=0.5, ridge=np.array([1.0])))
    assert len(drawn(chart.to_dict(), "point", "theory")) == 2


def test_points_without_a_line_are_points_in_the_legend():
    kinds = [(part["symbolType"], scale) for scale, part in legends(panels())]
    assert ("stroke", ("prediction",)) in kinds
    assert ("circle", ("real",)) in kinds


def legends(view):
    """Return the names and the legend of every colour that has one."""
    for each in find(view, "color"):
        if isinstance(each, dict) and each.get("legend"):
            yield tuple(each["scale"]["domain"]), each["legend"]


def test_a_settings_line_does_not_break_at_an_equals_sign():
    chart = theme.finished(interpolation.layers(CURVES, "ridge"), "t", "word " * 12 + "n = 1024, p = 2048", width=300)
    lines = chart.to_dict()["title"]["subtitle"]
    assert len(lines) > 1
    assert not any(line.rstrip().endswith("=") or line.lstrip().startswith("=") for line in lines)
