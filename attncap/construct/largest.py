"""The largest number of random associations that a construction memorizes in a shape."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from attncap import bounds, methods
from attncap.bounds.values import complete
from attncap.constraints import Count, Seed, checked
from attncap.construct.perceptrons.constructed import ACTIVATION, Readout, count, perceptron
from attncap.errors import InputError
from attncap.fits.capacity import Capacity
from attncap.fits.count import check_shape
from attncap.fits.fit import Fit, NotMemorized
from attncap.models.precision import DtypeName
from attncap.numerics.bracketing import boundary
from attncap.progress import track
from attncap.tasks import random_associations


@checked
def capacity(
    vocabulary: Count,
    context: Count,
    embedding_dim: Count,
    head_dim: Count | None = None,
    heads: Count = 1,
    *,
    method: str = "margin",
    dtype: DtypeName = "float32",
    seeds: Count = 3,
    seed: Seed = 0,
    train_attention: bool = False,
    certify: bool = False,
) -> Capacity:
    r"""Search the largest number $T$ of random associations that a construction recalls exactly in a shape.

    For every seed, tasks and weights are drawn anew for each $T$ tried; steps that double bracket the boundary and
    bisection narrows it, down to the method's resolution: 1 association (theorem) or 1/32 of it (margin, joint).

    Args:
        vocabulary: $N$.
        context: $S$.
        embedding_dim: $d$.
        head_dim: $d_h$; $d$ by default.
        heads: $H$.
        method: name of a construction (`attncap.methods`): "theorem", "margin" or "joint".
        dtype: the type in which the recall must be exact.
        seeds: how many searches, each with its own draws.
        seed: the first of them.
        train_attention: with margin mode, train all parameters where the readout falls short.
        certify: with margin mode, count only recalls that are certified; else they are measured.

    Returns:
        The capacity, that of the median seed, and its bracket.

    Raises:
        InputError: a shape or a task that does not exist.
        UnmetError: not enough memory.

    Example:
        >>> found = capacity(vocabulary=50, context=2, embedding_dim=10, heads=4, method="theorem", seeds=1)
        >>> found.capacity, found.bracket, found.theorem, found.rank
        (50, (50, 51), 50, 50)
    """
    started = time.perf_counter()
    head_dim = embedding_dim if head_dim is None else head_dim
    check_shape(embedding_dim, head_dim, heads, dtype)
    chosen = methods.find("associations", method)
    if chosen.search:
        raise InputError("method", f"a construction ({method} has its own search, {chosen.search})", method)
    if seeds < 1:
        raise InputError("seeds", "at least 1", seeds)
    special = chosen.taking(train_attention=train_attention, certify=certify)
    shape = {"heads": heads, "head_dim": head_dim, "embedding_dim": embedding_dim}
    size = complete({**shape, "vocabulary": vocabulary, "context": context})
    promised, rank = (int(bounds.value(bound, **size)) for bound in ("dana2025", "corrected"))
    return _searched(
        partial(chosen.function, **shape, dtype=dtype, **special),
        (vocabulary, context),
        chosen,
        range(seed, seed + seeds),
        parameters=int(size["parameters"]),
        theorem=promised,
        rank=rank,
        dtype=dtype,
        certified=certify,
        started=started,
    )


@checked
def perceptron_capacity(
    vocabulary: Count,
    context: Count,
    embedding_dim: Count,
    units: Count,
    *,
    method: Readout = "margin",
    dtype: DtypeName = "float32",
    seeds: Count = 3,
    seed: Seed = 0,
) -> Capacity:
    r"""Search the largest number $T$ of random associations that a perceptron recalls exactly, as `capacity` does.

    Args:
        vocabulary: $N$.
        context: $S$.
        embedding_dim: $d$.
        units: $w$.
        method: theorem, margin or joint.
        dtype: the type in which the recall must be exact.
        seeds: how many searches, each with its own draws.
        seed: the first of them.

    Returns:
        The capacity, that of the median seed, and its bracket; "theorem" and "rank" count the units that are
        independent, which interpolate as many associations.

    Raises:
        InputError: a shape or a task that does not exist.
        UnmetError: not enough memory.

    Example:
        >>> found = perceptron_capacity(vocabulary=20, context=2, embedding_dim=4, units=30, method="theorem", seeds=1)
        >>> found.theorem, found.capacity >= 30
        (30, True)
    """
    started = time.perf_counter()
    held = count(embedding_dim, context, units, ACTIVATION[method])
    return _searched(
        partial(perceptron, embedding_dim=embedding_dim, units=units, method=method, dtype=dtype),
        (vocabulary, context),
        methods.find("associations", method),
        range(seed, seed + seeds),
        parameters=embedding_dim * (2 * vocabulary + units * (2 * context + 1)),
        theorem=held,
        rank=held,
        dtype=dtype,
        certified=False,
        started=started,
    )


def _searched(
    construct: Callable[..., Fit],
    sizes: tuple[int, int],
    method: methods.Method,
    seeds: range,
    *,
    parameters: int,
    rank: int,
    started: float,
    **rest: Any,
) -> Capacity:
    """Bracket the largest task of each seed, from the count on."""
    vocabulary, context = sizes
    limit, brackets, begin = vocabulary**context, [], rank
    for number in track(seeds, "seeds"):
        memorizes = partial(_memorizes, construct, vocabulary, context, number)
        brackets.append(boundary(memorizes, begin, limit, method.resolution))
        begin = brackets[-1][0]
    middle = sorted(brackets, key=lambda bracket: bracket[0])[(len(seeds) - 1) // 2]
    bits = middle[0] * math.log2(vocabulary)
    return Capacity(
        kind="associations",
        method=method.name,
        capacity=middle[0],
        bracket=middle,
        rank=rank,
        ratio=middle[0] / rank,
        bits=bits,
        bits_per_parameter=bits / parameters,
        seeds=tuple(reached for reached, _ in brackets),
        seconds=time.perf_counter() - started,
        **rest,
    )


def _memorizes(construct: Callable[..., Fit], vocabulary: int, context: int, seed: int, associations: int) -> bool:
    try:
        construct(random_associations(vocabulary, context, associations, seed), seed=seed)
    except NotMemorized:
        return False
    return True
