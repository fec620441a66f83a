"""The planner against brute force, and its picture."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncap.bounds import CATALOGUE, plan, value
from attncap.bounds.planner import ORDERS
from attncap.bounds.values import complete
from attncap.errors import InputError
from attncap.plots import plan_chart, save


def parameters(d, dh, heads, vocabulary, context):
    return d * (context + 2 * vocabulary + 4 * dh * heads)


def by_method(plans):
    return {p.method: p for p in (*plans.plans, *plans.references)}


def held(method, d, dh, heads, vocabulary, context, ratio):
    """Associations by method, written out a second time."""
    rank = min(d, dh, vocabulary + context - 2) if context > 1 else 0
    corrected = heads * rank + min(d, vocabulary)
    return {"theorem": corrected, "margin": math.floor(ratio * corrected)}[method]


@settings(max_examples=20, deadline=None)
@given(data=st.data(), vocabulary=st.integers(2, 40), context=st.integers(1, 4))
def test_no_shape_is_smaller(data, vocabulary, context):
    associations = data.draw(st.integers(1, min(60, vocabulary**context)))
    plans = plan(associations=associations, vocabulary=vocabulary, context=context)
    for method in ("theorem", "margin") if context > 1 else ("theorem",):
        least = math.inf
        for d in range(2, associations + 3):
            ratio = complete({"vocabulary": vocabulary, "embedding_dim": d})["margin_ratio"]
            for dh in range(1, d + 1):
                enough = (
                    heads
                    for heads in range(1, associations + 1)
                    if held(method, d, dh, heads, vocabulary, context, ratio) >= associations
                )
                if heads := next(enough, None):
                    least = min(least, parameters(d, dh, heads, vocabulary, context))
        assert by_method(plans)[method].parameters == least


@settings(max_examples=25, deadline=None)
@given(
    associations=st.integers(1, 10**6),
    vocabulary=st.integers(100, 10**5),
    context=st.integers(4, 64),
    d=st.none() | st.integers(2, 200),
)
def test_every_plan_holds_the_task(associations, vocabulary, context, d):
    plans = plan(associations=associations, vocabulary=vocabulary, context=context, embedding_dim=d)
    assert {p.method for p in plans.plans} >= {"theorem", "margin"}
    for p in plans.plans:
        shape = {"heads": p.heads, "head_dim": p.head_dim, "embedding_dim": p.embedding_dim}
        assert value(p.bound, vocabulary=vocabulary, context=context, **shape) >= associations
        assert p.parameters == parameters(p.embedding_dim, p.head_dim, p.heads, vocabulary, context)
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
    assert "2,048" in theorem.note
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
    numbers = {"associations": 10_000, "vocabulary": 1000, "context": 8}
    assert set(plan(**numbers).unmet) == set(ORDERS)
    planned = plan(**numbers, constants={"vardi2022": 0.01})
    assert by_method(planned)["vardi2022"].parameters == 1000
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
