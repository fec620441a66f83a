"""The planner against brute force, and its picture."""

import contextlib
import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncap import bounds, construct, methods, tasks
from attncap.bounds import CATALOGUE, plan, value
from attncap.bounds.planner import ORDERS
from attncap.errors import InputError, UnmetError
from attncap.plots import plan_chart, save
from benchmarks.plans import filled


def parameters(d, dh, heads, vocabulary, context):
    return d * (context + 2 * vocabulary + 4 * dh * heads)


def by_method(plans):
    return {p.method: p for p in (*plans.plans, *plans.references)}


def held(method, d, dh, heads, vocabulary, context, associations):
    """Associations that a plan counts on, by method, written out a second time."""
    rank = min(d, dh, vocabulary + context - 2) if context > 1 else 0
    corrected = heads * rank + min(d, vocabulary)
    if method == "theorem":
        everything = vocabulary + context - 2
        spare = 0 if context == 1 else everything if d >= everything else d * (d < 8)
        return corrected - spare if d >= 4 else 0
    answers = math.ceil(vocabulary * (1 - (1 - 1 / vocabulary) ** associations))
    if context < 2 or answers < 2 or not 4 <= d <= 20 or answers > 720 or heads * rank < 3 * d:
        return 0
    width = min(d, answers - 1)
    bits = 2.05 * width * (corrected + answers - 1 - width)
    count = bits / math.log2(answers)
    within = count < 1651 and count <= 0.45 * vocabulary**context
    return associations * (within and math.floor(count) >= math.ceil(1.35 * associations) + 2 * associations**0.5)


@settings(max_examples=8, deadline=None)
@given(data=st.data(), vocabulary=st.integers(2, 30), context=st.integers(1, 4))
def test_no_shape_is_smaller(data, vocabulary, context):
    associations = data.draw(st.integers(1, min(40, vocabulary**context)))
    plans = plan(associations=associations, vocabulary=vocabulary, context=context)
    for method in ("theorem", "margin"):
        least = math.inf
        for d in range(2, max(22, associations + 3)):
            for dh in range(1, d + 1):
                enough = (
                    heads
                    for heads in range(1, max(100, associations) + 1)
                    if held(method, d, dh, heads, vocabulary, context, associations) >= associations
                )
                if heads := next(enough, None):
                    least = min(least, parameters(d, dh, heads, vocabulary, context))
        planned = by_method(plans).get(method)
        assert (math.inf if planned is None else planned.parameters) == least


@settings(max_examples=12, deadline=None)
@given(
    associations=st.integers(1, 10**6),
    vocabulary=st.integers(100, 10**5),
    context=st.integers(4, 64),
    d=st.none() | st.integers(8, 200),
)
def test_every_plan_holds_the_task(associations, vocabulary, context, d):
    plans = plan(associations=associations, vocabulary=vocabulary, context=context, embedding_dim=d)
    assert {p.method for p in plans.plans} >= {"theorem"}
    assert "margin" in {p.method for p in plans.plans} | plans.unmet.keys()
    for p in plans.plans:
        shape = {"heads": p.heads, "head_dim": p.head_dim, "embedding_dim": p.embedding_dim}
        task = {"vocabulary": vocabulary, "context": context, "associations": associations}
        assert value(p.bound, **task, **shape) >= associations
        # Of T answers that are drawn about so many differ.
        answers = math.ceil(vocabulary * (1 - (1 - 1 / vocabulary) ** associations) - 1e-9)
        in_use = p.embedding_dim * (vocabulary + context + answers + 4 * p.heads)
        every = parameters(p.embedding_dim, p.head_dim, p.heads, vocabulary, context)
        assert p.parameters == (in_use if p.method == "joint" else every)
        assert p.bits_per_parameter == pytest.approx(associations * math.log2(vocabulary) / p.parameters)
        assert d is None or p.embedding_dim == d
    assert [p.parameters for p in plans.plans] == sorted(p.parameters for p in plans.plans)
    assert min(p.parameters for p in plans.plans) >= by_method(plans)["counting"].parameters


def test_reference_lines_are_bits_over_their_constants():
    plans = by_method(plan(associations=1000, vocabulary=1024, context=2))
    assert plans["counting"].parameters == math.ceil(10_000 / 32)
    assert plans["allenzhu2025"].parameters == 5000
    assert plans["morris2025"].parameters == math.ceil(10_000 / 3.6)


def test_a_task_says_what_its_data_allow():
    facts = SimpleNamespace(associations=2000, vocabulary_size=858, context=2, bits=9000.0, data_rank=258, queries=8)
    plans = plan(facts, embedding_dim=32, head_dim=32)
    theorem = by_method(plans)["theorem"]
    assert theorem.heads == 63
    assert "2,024" in theorem.note
    assert plans.bits == 9000.0


def test_a_task_without_rank_is_planned_as_random():
    task = SimpleNamespace(associations=1000, vocabulary_size=50, context=2, bits=5643.9)
    numbers = {"associations": 1000, "vocabulary": 50, "context": 2}
    assert plan(task).plans == plan(bits=5643.9, **numbers).plans


def test_one_token_contexts_need_as_many_dimensions_as_associations():
    plans = plan(associations=40, vocabulary=50, context=1)
    assert by_method(plans)["theorem"].embedding_dim == 40
    assert "margin" in plans.unmet


def test_orders_need_a_constant():
    numbers = {"associations": 1000, "vocabulary": 1000, "context": 8}
    assert set(plan(**numbers).unmet) == {"joint", *ORDERS}
    planned = plan(**numbers, constants={"vardi2022": 0.01})
    assert by_method(planned)["vardi2022"].parameters == 317
    assert by_method(planned)["vardi2022"].heads is None
    assert CATALOGUE["vardi2022"].order not in planned.unmet


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"associations": 26, "vocabulary": 5, "context": 2}, "25"),
        ({"associations": 0, "vocabulary": 5, "context": 2}, "associations"),
        ({"associations": 5, "vocabulary": 5}, "context"),
        ({"associations": 5, "vocabulary": 5, "context": 2, "constants": {"cover1965": 1}}, "known"),
        ({"associations": 5, "vocabulary": 5, "context": 2, "head_dim": -1}, "head_dim"),
    ],
)
def test_bad_numbers_are_refused(numbers, said):
    with pytest.raises(InputError, match=said):
        plan(**numbers)
    with pytest.raises(InputError, match="not both"):
        plan(SimpleNamespace(associations=1, vocabulary_size=2, context=2, bits=1.0), associations=2)


@pytest.mark.parametrize("suffix", [".html", ".svg", ".png", ".pdf"])
def test_picture(tmp_path, suffix):
    plans = plan(associations=400, vocabulary=100, context=3, data_rank=20, queries=5, constants={"vardi2022": 0.1})
    chart = plan_chart(plans, points=3)
    path = save(chart, tmp_path / f"plan{suffix}")
    assert path.stat().st_size > 2000
    rows = chart.to_dict()["layer"][0]["data"]["values"]
    at_task = {row["id"]: row["parameters"] for row in rows if row["associations"] == 400}
    assert at_task == {p.method: p.parameters for p in (*plans.plans, *plans.references)}


def recalled(source, seed=0):
    """Memorize a task at every shape that is recommended for it, and return by method what the recall is."""
    size = tasks.load(source, seed=seed).associations
    return {plan.method: right / size for plan, right, _ in filled(source, seed)}


@pytest.mark.parametrize(
    ("source", "seed"),
    [
        ("capitals", 0),
        ("random:10,3,100", 1),
        ("random:20,3,200", 2),
        ("random:1000,2,300", 0),
        ("random:2,12,150", 0),
        ("random:2,8,170", 983),
    ],
)
def test_memorize_fills_every_shape_that_plan_recommends(source, seed):
    made = recalled(source, seed)
    assert made == dict.fromkeys(made, 1.0)
    # The law does not cover two thirds of all sequences of two tokens.
    assert made.keys() - {"joint"} == ({"theorem"} if source == "random:2,8,170" else {"theorem", "margin"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("elements", {"theorem", "margin"}),
        ("random:50,2,500", {"theorem", "margin", "joint"}),
        ("random:50,2,2000", {"theorem"}),
        ("countries", {"theorem"}),
    ],
)
def test_memorize_fills_larger_shapes_that_plan_recommends(source, known):
    assert recalled(source) == dict.fromkeys(known, 1.0)


def test_narrow_shapes_are_not_recommended():
    task = {"associations": 250, "vocabulary": 490, "context": 2}
    narrow = plan(**task, embedding_dim=2)
    assert not narrow.plans
    assert "at least 8" in narrow.unmet["theorem"]
    assert "4 <= d <= 20" in narrow.unmet["margin"]
    assert "720 answers" in plan(associations=6605, vocabulary=5253, context=2, answers=3000).unmet["margin"]
    assert "1,650 associations" in plan(associations=2000, vocabulary=50, context=2).unmet["margin"]
    assert by_method(plan(**task))["theorem"].embedding_dim == 8
    assert by_method(plan(associations=5, vocabulary=20, context=2))["theorem"].embedding_dim == 4


def test_the_law_of_margin_mode_is_refused_outside_its_range():
    shape = {"vocabulary": 50, "context": 2, "head_dim": 10, "embedding_dim": 10}
    assert value("margin", **shape, heads=21) == 940
    for change, said in (
        ({"heads": 2}, "3 d"),
        ({"heads": 60}, "1,650"),
        ({"embedding_dim": 64, "heads": 60}, "4 <= d <= 20"),
        ({"vocabulary": 5000, "heads": 8}, "720 answers"),
        ({"vocabulary": 20, "heads": 8}, "45 %"),
    ):
        with pytest.raises(UnmetError, match=f"{said}.*finds the heads by search"):
            value("margin", **{**shape, **change})


def test_the_law_of_joint_descent_is_that_of_its_sweep():
    """The committed table gives the constant, and its spread is what the note and the slack say."""
    table = pl.read_csv(Path(bounds.__file__).with_name("joint_law.csv"), comment_prefix="#")
    ratios = []
    for row in table.drop("corrected").iter_rows(named=True):
        held = (row.pop("least"), row.pop("most"))
        ratios += [count / value("joint", **row, associations=count) for count in held]
    assert np.median(ratios) == pytest.approx(1, abs=0.03)
    least, most = re.search(r"held (\S+) to (\S+) of it", CATALOGUE["joint"].note).groups()
    assert (min(ratios), max(ratios)) == (pytest.approx(float(least), abs=0.01), pytest.approx(float(most), abs=0.01))
    assert min(ratios) * methods.find("associations", "joint").slack > 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"head_dim": 2}, "d_h = 1"),
        ({"embedding_dim": 20, "heads": 24}, "d <= 16"),
        ({"heads": 50}, "H <= 11 d"),
        ({"heads": 3}, "d <= H"),
        ({"vocabulary": 400}, "200 answers"),
        ({"vocabulary": 12}, "59 %"),
    ],
)
def test_the_law_of_joint_descent_is_refused_outside_its_range(change, said):
    shape = {"vocabulary": 50, "context": 2, "head_dim": 1, "embedding_dim": 4, "heads": 8}
    assert value("joint", **shape) > 0
    with pytest.raises(UnmetError, match=f"{said}.*memorize --smallest finds"):
        value("joint", **{**shape, **change})


@pytest.mark.parametrize(("source", "seed"), [("random:20,2,100", 0), ("random:50,2,160", 1), ("random:5,5,50", 2)])
def test_joint_descent_fills_its_plan_and_the_search_finds_about_as_little(source, seed):
    task = tasks.load(source, seed=seed)
    planned = next(p for p in plan(task).plans if p.method == "joint")
    fit = construct.joint(task, planned.embedding_dim, planned.head_dim, planned.heads, seed=seed)
    assert fit.recall["float32"].accuracy == 1.0
    # The law counts a position in use, whatever the task's tokens span.
    assert fit.shape.parameters_in_use == pytest.approx(planned.parameters, abs=4 * planned.embedding_dim)


def test_the_law_of_margin_mode_is_that_of_its_sweep():
    """The committed table gives the constant, and every shape of the range lies within what a plan allows for."""
    path = Path(bounds.__file__).with_name("margin_law.csv")
    table = pl.read_csv(path, comment_prefix="#")
    ratios = []
    for row in table.iter_rows(named=True):
        held = (row.pop("least"), row.pop("most"))
        assert row.pop("corrected") == value("corrected", **row)
        for count in held:
            with contextlib.suppress(UnmetError):
                ratios.append(count / value("margin", **row, associations=count))
    assert len(ratios) == 72
    assert np.median(ratios) == pytest.approx(1, abs=0.02)
    assert min(ratios) * methods.find("associations", "margin").slack > 1
    assert max(ratios) < 1.25
