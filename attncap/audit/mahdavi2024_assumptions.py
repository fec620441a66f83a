"""The three assumptions of Mahdavi, Liao and Thrampoulidis, tried on real vectors."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from attncap.audit.kruskal import Kruskal, kruskal
from attncap.audit.shares import Share, sampled, variants
from attncap.constraints import Count, Seed, checked
from attncap.data.arrays import check_size
from attncap.errors import InputError
from attncap.numerics.row_rank import Rows
from attncap.result import Result, hidden

# The share of subsets from which the paper says that an assumption holds.
HOLDS = 0.99
# Of the subsets, how many the other types and the neighbours take at most, and how many each point of the curve.
FEWER, POINTWISE, POINTS = 500, 100, 16


@dataclass(frozen=True)
class Gathered:
    """What the assumptions ask of a layer's input, gathered from batches of examples.

    Attributes:
        queries: $e_t$.
        means: the mean of each context, which Assumption 3 adds to the query.
        full: whether each context has full rank.
        context: n, rows of a context.
    """

    queries: Float[np.ndarray, "T d"]
    means: Float[np.ndarray, "T d"]
    full: Bool[np.ndarray, " T"]
    context: int

    @classmethod
    def join(cls, parts: "Iterable[Gathered]") -> "Gathered":
        """Put batches together."""
        parts = list(parts)
        names = ("queries", "means", "full")
        queries, means, full = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
        return cls(queries, means, full, parts[0].context)


@dataclass(frozen=True)
class Assumptions(Result):
    """What holds of one layer's input.

    Attributes:
        examples: T.
        context: n.
        embedding_dim: d.
        dtype: type of the vectors, whose precision is the tolerance of their ranks.
        kruskal: Assumption 1: subsets of n queries (or of the size asked for).
        general_position: share of the subsets of d queries with full rank; None with fewer than d queries.
        context_rank_full_fraction: Assumption 2: share of the contexts of rank n.
        with_mean: Assumption 3: subsets of n sums of a query and the mean of its context.
        holds: A1, A2, A3: whether the share is at least 0.99, the paper's rule, and no proof speaks against it.
        exact: what is proved of the queries' Kruskal rank, and a dependent subset if one was found.
        clustered: the n - 1 nearest neighbours of each query with it: subsets that sampling hardly ever draws.
        variants: Assumption 1 in both precisions, with and without the mean of all queries, from fewer subsets.
        curve: the share against the size of the subsets.
        breaks_at: the largest size on the curve whose share is at least 0.99.
        spectrum: the queries' singular values over the largest, at chosen places.
        notes: what to know of these numbers.
    """

    examples: int
    context: int
    embedding_dim: int
    dtype: str
    kruskal: Share
    general_position: float | None
    context_rank_full_fraction: float
    with_mean: Share
    holds: dict[str, bool]
    exact: Kruskal
    clustered: Share
    variants: dict[str, Share]
    curve: list[Share]
    breaks_at: int
    spectrum: dict[str, float]
    values: Float[np.ndarray, " r"] = hidden(default_factory=lambda: np.zeros(0))
    notes: tuple[str, ...] = field(default=())

    @property
    def cites(self) -> tuple[str, ...]:
        """The paper of the assumptions."""
        return ("mahdavi2024",)


@checked
def assumptions(
    contexts: Any,
    queries: Any,
    *,
    size: Count | None = None,
    subsets: Count = 5000,
    seed: Seed = 0,
) -> Assumptions:
    r"""Try the assumptions of Mahdavi et al. on the input of an attention layer.

    Assumption 1: any n queries $e_t$ are independent (Kruskal rank at least n). Assumption 2: each context $E_t$ has
    rank n. Assumption 3: the $e_t + \frac1n E_t^\top \mathbf 1$ have Kruskal rank at least n. All ranks are numerical:
    singular values above $\max(n, d)\, \epsilon\, \sigma_1$ of the vectors' own type, the decisions of
    `numpy.linalg.matrix_rank`.

    Args:
        contexts: $E_t$, (T, n, d), or (n, d) for one context that all examples share.
        queries: $e_t$, (T, d).
        size: of the subsets; n by default.
        subsets: how many are drawn; sampling bounds the share of dependent subsets, it cannot exclude them.
        seed: of the draws.

    Returns:
        Shares with exact intervals, bounds that hold for every subset, and what holds by the paper's rule.

    Raises:
        InputError: shapes that do not fit, fewer examples than a subset has, or numbers that are not finite.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> found = assumptions(rng.standard_normal((60, 4, 8)), rng.standard_normal((60, 8)), subsets=200)
        >>> found.holds
        {'A1': True, 'A2': True, 'A3': True}
        >>> assumptions(rng.standard_normal((60, 4, 8)), np.ones((60, 8)), subsets=200).notes[0]
        'all 60 queries are equal: no two are independent; Assumption 3 is made for this case'

    Source: Mahdavi, Liao, Thrampoulidis 2024, Assumptions 1 to 3 and Section 5.1 (arXiv 2306.02010).
    """
    contexts, queries = _checked(contexts, queries)
    return judge(gather(contexts, queries), size=size, subsets=subsets, seed=seed)


def gather(contexts: Float[np.ndarray, "T n d"], queries: Float[np.ndarray, "T d"]) -> Gathered:
    """Keep of a batch what the assumptions ask for; a context that all share is ranked once."""
    distinct = contexts[:1] if contexts.strides[0] == 0 else contexts
    count = contexts.shape[1]
    full = np.array([Rows(each).full(np.arange(count)[None]).full[0] for each in distinct])
    means = distinct.mean(axis=1, dtype=np.float64).astype(queries.dtype)
    shape = queries.shape
    return Gathered(queries, np.broadcast_to(means, shape), np.broadcast_to(full, shape[:1]), count)


def judge(found: Gathered, *, size: int | None = None, subsets: int = 5000, seed: int = 0) -> Assumptions:
    """Try the assumptions on what was gathered: see `assumptions`."""
    examples, dim = found.queries.shape
    size = found.context if size is None else size
    if not 1 <= size <= examples:
        raise InputError("subset_size", f"1 to the number of examples, {examples:,}", size)
    if subsets < 1:
        raise InputError("subsets", "at least 1", subsets)
    rows, fewer = Rows(found.queries), min(FEWER, subsets)
    exact = kruskal(rows)
    share = sampled(rows, size, subsets, seed)
    mean = sampled(Rows(found.queries + found.means), size, subsets, seed)
    forms = variants(found.queries)
    curve = [sampled(rows, each, min(POINTWISE, subsets), seed) for each in curve_sizes(min(examples, dim), size)]
    values = rows.factors[1]
    return Assumptions(
        examples=examples,
        context=found.context,
        embedding_dim=dim,
        dtype=rows.vectors.dtype.name,
        kruskal=share,
        general_position=sampled(rows, dim, min(POINTWISE, subsets), seed).fraction if examples >= dim else None,
        context_rank_full_fraction=float(found.full.mean()),
        with_mean=mean,
        holds={
            "A1": exact.at_least >= size or (share.fraction >= HOLDS and exact.at_most >= size),
            "A2": bool(found.full.mean() >= HOLDS),
            "A3": mean.fraction >= HOLDS,
        },
        exact=exact,
        clustered=_clustered(rows, size, fewer),
        variants={name: sampled(Rows(each), size, fewer, seed) for name, each in forms.items()},
        curve=curve,
        breaks_at=max((each.size for each in curve if each.fraction >= HOLDS), default=0),
        spectrum=_places(values, size),
        values=values,
        notes=tuple(_notes(found, size, exact, share)),
    )


def curve_sizes(most: int, *chosen: int) -> list[int]:
    """Return about `POINTS` sizes from 1 to the largest, and those chosen below it.

    Example:
        >>> curve_sizes(16, 5, 99), curve_sizes(100)[:4]
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], [1, 8, 14, 21])
    """
    even = np.linspace(1, most, min(POINTS, most)).round().astype(int).tolist()
    return sorted({*even, *(each for each in chosen if each <= most)})


def _clustered(rows: Rows, size: int, most: int) -> Share:
    """Rank each query with its nearest neighbours."""
    centred = rows.vectors - rows.vectors.mean(axis=0)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = centred / np.where(norms > 0, norms, 1)
    asked = np.arange(min(most, len(unit)))
    nearest = np.argsort(-(unit[asked] @ unit.T), axis=1, kind="stable")[:, :size]
    ranked = rows.full(nearest)
    return Share.of(size, ranked.full, ranked.decided)


def _places(values: Float[np.ndarray, " r"], size: int) -> dict[str, float]:
    wanted = sorted({1, 2, min(size, len(values)), len(values)})
    return {str(place): float(values[place - 1] / max(values[0], np.finfo(float).tiny)) for place in wanted}


def _notes(found: Gathered, size: int, exact: Kruskal, share: Share) -> list[str]:
    examples, dim = found.queries.shape
    notes = []
    if exact.why == "all vectors are equal":
        said = "no two are independent; Assumption 3 is made for this case"
        notes.append(f"all {examples:,} queries are equal: {said}")
    elif exact.at_most < size:
        who = f" ({', '.join(map(str, exact.witness))})" if exact.witness else ""
        notes.append(f"Assumption 1 fails: {exact.why}{who}, a subset has {size}")
    if found.context > dim:
        notes.append(
            f"n = {found.context} exceeds d = {dim}: no {found.context} vectors of {dim} numbers are independent"
        )
    if examples < dim:
        notes.append(f"{examples:,} queries are fewer than d = {dim}: general position was not tried")
    if share.fraction == 1 and exact.at_least < size <= exact.at_most:
        notes.append(
            f"no dependent subset was drawn, so at most {1 - share.low:.2g} of all are (95 %); "
            f"proved is independence of any {exact.at_least}"
        )
    return notes


def _checked(contexts: Any, queries: Any) -> tuple[Float[np.ndarray, "T n d"], Float[np.ndarray, "T d"]]:
    """Return arrays of one float type and matching shapes.

    Raises:
        InputError: they do not match, or are not finite.
    """
    contexts, queries = (_floats(name, each) for name, each in (("contexts", contexts), ("queries", queries)))
    if queries.ndim != 2:
        raise InputError("queries", "shape (T, d)", queries.shape)
    if contexts.ndim == 2:
        contexts = np.broadcast_to(contexts, (len(queries), *contexts.shape))
    if contexts.ndim != 3 or (len(contexts), contexts.shape[2]) != queries.shape or not contexts.shape[1]:
        raise InputError("contexts", f"shape (T, n, d) = ({len(queries)}, n, {queries.shape[1]})", contexts.shape)
    return contexts, queries


def _floats(name: str, given: Any) -> np.ndarray:
    try:
        array = np.asarray(given)
    except (TypeError, ValueError):
        raise InputError(name, "an array of numbers", str(given)[:40]) from None
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise InputError(name, "an array of numbers", array.dtype.name)
    # Half precision and whole numbers, to which no LAPACK routine applies.
    wider = array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)
    finite = np.isfinite(wider)
    if not finite.all():
        place = tuple(int(each) for each in np.argwhere(~finite)[0])
        raise InputError(name, "finite numbers", f"{wider[place]} at {list(place)}")
    if wider.any():
        check_size(name, wider)
    return wider
