"""The smallest layer with every fact right, by each way of finding it."""

from collections.abc import Callable
from typing import Any

from attncap import construct
from attncap.construct import NotMemorized
from attncap.measure import layer_parameters
from attncap.numerics.bracketing import boundary
from attncap.papers.hebbian2026.gradient_descent import trained
from attncap.papers.hebbian2026.setting import SERIES, Series, bits, facts

# The largest width that failed is within an eighth of the smallest that did not.
RESOLUTION = 1 / 8
# Bits per parameter of the layer where gradient descent begins.
EXPECTED = 2.0


def smallest(series: str, embedding_dim: int, count: int, seed: int) -> dict[str, Any]:
    """Search the smallest layer of a series.

    Args:
        series: a label of `attncap.papers.hebbian2026.setting.SERIES`.
        embedding_dim: $d$.
        count: $F$.
        seed: of the facts; weights are drawn with seed 0.

    Returns:
        Its width, the parameters of the layer and bits per parameter; None in their place where no width holds them.
    """
    chosen = SERIES[series]
    task, given = facts(embedding_dim, count, seed, relation=chosen.layer == "attention")
    found = {"series": series, "d": embedding_dim, "facts": count, "seed": seed}
    search: Callable[..., tuple[int, int] | None] = _by_descent if chosen.how == "trained" else _by_construction
    reached = search(chosen, task, given)
    if reached is None:
        return {**found, "width": None, "parameters": None, "bits_per_parameter": None}
    width, parameters = reached
    return {**found, "width": width, "parameters": parameters, "bits_per_parameter": bits(count) / parameters}


def _by_construction(chosen: Series, task: Any, given: construct.Embeddings) -> tuple[int, int] | None:
    find: Callable[..., construct.Fit]
    if chosen.layer == "perceptron":
        find = construct.perceptron
        options = {**chosen.options, "method": chosen.method}
    else:
        find = construct.margin if chosen.method == "margin" else construct.joint
        options = {**chosen.options, "head_dim": given.dim if chosen.method == "margin" else 1}
    try:
        fit = find(task, given.dim, embeddings=given, **options)
    except NotMemorized:
        return None
    return fit.shape.width, layer_parameters(fit.model)


def _by_descent(chosen: Series, task: Any, given: construct.Embeddings) -> tuple[int, int] | None:
    each = given.dim * (3 if chosen.layer == "perceptron" else 4)

    def fails(width: int) -> bool:
        return trained(task, given, chosen.layer, width, 0).first is None

    start = round(bits(task.associations) / EXPECTED / each)
    width = boundary(fails, max(1, start), task.associations, RESOLUTION)[1]
    return None if width is None else (width, width * each)
