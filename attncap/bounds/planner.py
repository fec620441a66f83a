"""The smallest shapes that hold a task, per method, and the limits beside them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from sympy import Eq, Integer, Piecewise, sqrt

from attncap.bounds import labels
from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.defaults import DEFAULTS
from attncap.bounds.entries.dana2025 import in_use
from attncap.bounds.formula import Number, number
from attncap.bounds.letters import RHO, D, S, T
from attncap.bounds.shapes import smallest_shape
from attncap.bounds.sources import SOURCES
from attncap.bounds.values import check_constants, complete
from attncap.constraints import Count, checked
from attncap.errors import InputError, UnmetError
from attncap.methods import Method, methods
from attncap.result import Result, several

if TYPE_CHECKING:
    from rich.console import RenderableType

# The type that a plan's weights are exact in.
DTYPE = "float32"
# What a plan must reach beyond the task, by the bound that sizes it (tests/test_bounds_plan.py fills plans). At the
# corrected count the system is square, and may be singular in float32 where the embedding is narrow or spans all
# token-position vectors; what random answers a readout holds scatters as the number of successes of so many coins does.
SPARE = {
    "corrected": Piecewise((0, Eq(S, 1)), (RHO - 1, D >= RHO - 1), (D, D < 8), (0, True)),
    "margin": 2 * sqrt(T),
}
# A method that stores only the rows in use counts those.
COUNTED = {"joint": in_use}
REFERENCES = ("counting", "morris2025", "allenzhu2025")
_ANSWERS = (labels.TOKEN, labels.CLASSES, labels.DISTRIBUTION)
# Orders for models that answer with one of finitely many tokens: numbers only with a constant that the user gives.
ORDERS = tuple(
    b.id
    for b in CATALOGUE.values()
    if b.exactness == "order" and b.labels in _ANSWERS and b.unit == "associations" and b.family.size != "neurons"
)


@runtime_checkable
class Task(Protocol):
    """What a planner must know of a task; ``data_rank`` and ``queries`` are read too where a task has them."""

    @property
    def associations(self) -> int:
        """Associations to memorize, T."""

    @property
    def vocabulary_size(self) -> int:
        """Tokens, N."""

    @property
    def context(self) -> int:
        """Tokens in a sequence, S."""

    @property
    def bits(self) -> float:
        """Bits that the answers hold."""


@runtime_checkable
class Weighted(Protocol):
    """Sequences of which the likely ones matter most: `attncap.tasks.Distributions`."""

    @property
    def count(self) -> int:
        """Sequences, T."""

    def fewest_likely(self, epsilon: float | int) -> int:
        r"""Return $T_\varepsilon$."""

    def likely(self, count: int) -> Task:
        """Return the most likely sequences."""

    def left_out(self, stored: int) -> float:
        r"""Return $\varepsilon$, the probability of all but so many."""


@dataclass(frozen=True)
class Plan(Result):
    """One way to hold the task: a shape where the method has one, its parameters, and the type it is exact in."""

    method: str
    bound: str
    embedding_dim: int | None
    head_dim: int | None
    heads: int | None
    parameters: int
    bits_per_parameter: float
    exactness: str
    source: str
    note: str
    dtype: str | None = None

    @property
    def cites(self) -> tuple[str, ...]:
        """The id of the bound."""
        return (self.bound,)


@dataclass(frozen=True)
class Plans(Result):
    """Plans by number of parameters, the limits beside them, and why other methods have no number."""

    associations: int
    vocabulary: int
    context: int
    bits: float
    fixed: dict[str, int]
    constants: dict[str, Number]
    plans: tuple[Plan, ...]
    references: tuple[Plan, ...]
    unmet: dict[str, str]

    @property
    def cites(self) -> tuple[str, ...]:
        """The ids of the bounds that gave a number."""
        return tuple(plan.bound for plan in (*self.plans, *self.references))

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        size = f"{several(self.associations, 'association')}, {self.bits:,.0f} bits"
        table = Rows()
        table.title = f"{size} (N = {self.vocabulary:,}, S = {self.context})"
        for title in ("method", "d", "d_h", "H", "parameters", "bits/param", "exact in", "kind", "bound"):
            table.add_column(title, justify="left" if title in ("method", "exact in", "kind", "bound") else "right")
        for p in sorted((*self.plans, *self.references), key=lambda p: p.parameters):
            shape = ("" if size is None else f"{size:,}" for size in (p.embedding_dim, p.head_dim, p.heads))
            name = p.method if p.heads else ""
            table.add_row(
                name, *shape, f"{p.parameters:,}", f"{p.bits_per_parameter:.3g}", p.dtype or "", p.exactness, p.bound
            )
        notes = [f"{p.method}: {p.note}" for p in self.plans if p.note]
        notes += [f"{method}: {why}" for method, why in self.unmet.items() if method not in ORDERS]
        orders = ", ".join(f"{id} {CATALOGUE[id].order}" for id in self.unmet if id in ORDERS)
        return Group(table, *notes, f"constants unknown (give them by id): {orders}" if orders else "")


@checked
def plan(
    task: Task | Weighted | None = None,
    *,
    associations: Count | None = None,
    vocabulary: Count | None = None,
    context: Count | None = None,
    bits: float | int | None = None,
    embedding_dim: Count | None = None,
    head_dim: Count | None = None,
    data_rank: Count | None = None,
    queries: Count | None = None,
    answers: Count | None = None,
    epsilon: float | int | None = None,
    constants: Mapping[str, Number] | None = None,
) -> Plans:
    r"""Find the smallest shape that holds a task, per method, and compare by parameters and bits per parameter.

    The attention-only transformer has $d (S + 2 N + 4 d_h H)$ parameters. Heads come from each bound's inverse; the
    dimensions are searched (fewest parameters, then fewest heads) unless they are fixed.

    Args:
        task: what is to be memorized; or give its numbers:
        associations: $T$.
        vocabulary: tokens, $N$.
        context: tokens in a sequence, $S$.
        bits: bits that the answers hold; by default $T \log_2 N$ (uniform answers).
        embedding_dim: fix $d$.
        head_dim: fix $d_h$.
        data_rank: rank of the token-position vectors in use, $\rho$; by default $N + S - 1$.
        queries: distinct last tokens, $q$; by default $N$.
        answers: distinct answers, $A$; by default as many as random answers are expected to be.
        epsilon: of distributions, $\varepsilon$: the most likely sequences are stored, as few as leave at most this
            probability to the others ($T_\varepsilon$); all by default.
        constants: a bound's id -> the constant that its source leaves unknown.

    Returns:
        Plans by parameters, reference lines (counting limit, bits per parameter measured in trained models), and for
        every method without a number the reason.

    Raises:
        InputError: numbers that no task has, or both a task and numbers.

    Example:
        >>> plans = plan(associations=1000, vocabulary=200, context=8, embedding_dim=16, head_dim=16)
        >>> [(p.method, p.heads, p.dtype) for p in plans.plans]
        [('margin', 9, 'float32'), ('theorem', 62, 'float32')]
    """
    if task is not None and (associations, vocabulary, context, bits) != (None,) * 4:
        raise InputError("plan: give a task or its numbers, not both")
    constants = check_constants(constants or {})
    if isinstance(task, Weighted):
        return _distribution(task, epsilon or 0.0, embedding_dim, head_dim, constants)
    if epsilon is not None:
        raise InputError("epsilon", "distributions", "associations" if task is None else task)
    if task is not None:
        associations, vocabulary, context, bits = task.associations, task.vocabulary_size, task.context, task.bits
        data_rank, queries = data_rank or getattr(task, "data_rank", None), queries or getattr(task, "queries", None)
        answers = answers or _answers(task)
    if associations is None or vocabulary is None or context is None:
        raise InputError("plan: expected a task, or associations, vocabulary and context")
    dims = {"embedding_dim": embedding_dim, "head_dim": head_dim, "data_rank": data_rank, "queries": queries}
    dims["answers"] = answers and min(answers, associations)
    fixed = {name: given for name, given in dims.items() if given is not None}
    shape = complete({"associations": associations, "vocabulary": vocabulary, "context": context, **fixed})
    if associations > (most := number(DEFAULTS["associations"], shape)):
        raise InputError(
            "associations", f"at most the {several(most, 'sequence')} of N = {vocabulary}, S = {context}", associations
        )
    bits = associations * math.log2(vocabulary) if bits is None else bits
    plans, unmet = _plans(shape, bits, constants)
    references = tuple(_plan(id, id, smallest_shape(CATALOGUE[id], bits, shape), bits) for id in REFERENCES)
    return Plans(associations, vocabulary, context, float(bits), fixed, constants, plans, references, unmet)


def _distribution(
    task: Weighted, epsilon: Number, embedding_dim: int | None, head_dim: int | None, constants: dict[str, Number]
) -> Plans:
    """Plan distribution mode: heads that hold the likely sequences and leave freedom for the others."""
    if embedding_dim is None:
        raise InputError("embedding_dim", "a number (how near distributions come depends on it: see encode)", "none")
    stored = task.fewest_likely(epsilon)
    likely, method = task.likely(stored), methods("distributions")["distribution"]
    fixed = {"embedding_dim": embedding_dim} | ({} if head_dim is None else {"head_dim": head_dim})
    numbers = {"associations": likely.associations, "vocabulary": likely.vocabulary_size, "context": likely.context}
    data = {name: getattr(likely, name) for name in ("data_rank", "queries")}
    slack = 1.0 if stored == task.count else method.slack
    found = _recallable(
        replace(method, slack=slack), likely.associations, likely.bits, complete(numbers | data | fixed)
    )
    others = f"; the others have probability {task.left_out(stored):.3g}" if stored < task.count else ""
    note = f"stores {stored:,} of {several(task.count, 'distribution')} exactly{others}"
    plans = (replace(found, note="; ".join(filter(None, (note, found.note)))),)
    return Plans(
        likely.associations,
        likely.vocabulary_size,
        likely.context,
        likely.bits,
        fixed | data,
        constants,
        plans,
        references=(),
        unmet={},
    )


def _plans(
    shape: Mapping[str, Number], bits: Number, constants: Mapping[str, Number]
) -> tuple[tuple[Plan, ...], dict[str, str]]:
    plans, unmet = [], {}
    count = int(shape["associations"])
    for method in methods("associations").values():
        if method.bound:
            try:
                plans.append(_recallable(method, count, bits, shape))
            except UnmetError as error:
                unmet[method.name] = str(error).removeprefix(f"{method.bound}: ")
    for id in ORDERS:
        given = {**shape, "constant": constants[id]} if id in constants else shape
        try:
            plans.append(_plan(id, id, smallest_shape(CATALOGUE[id], count, given), bits))
        except UnmetError as error:
            unmet[id] = str(error).removeprefix(f"{id}: ")
    return tuple(sorted(plans, key=lambda plan: plan.parameters)), unmet


def _recallable(method: Method, count: int, bits: Number, shape: Mapping[str, Number]) -> Plan:
    """Plan a shape that the method fills: its own count with the slack and the dimensions that were measured."""
    assert method.bound is not None
    narrowest = method.narrowest_for(count)
    if (given := shape.get("embedding_dim", narrowest)) < narrowest:
        raise UnmetError(
            f"expected embedding_dim of at least {narrowest} (narrower ones lose answers in {DTYPE}), got {given}"
        )
    spare = SPARE.get(method.bound, Integer(0))
    counted = COUNTED.get(method.bound)
    found = smallest_shape(CATALOGUE[method.bound], math.ceil(method.slack * count), shape, narrowest, spare, counted)
    return _plan(method.name, method.bound, found, bits, DTYPE)


def _plan(method: str, id: str, found: Mapping[str, Number], bits: Number, dtype: str | None = None) -> Plan:
    bound, note = CATALOGUE[id], ""
    if id == "corrected" and CATALOGUE["dana2025"].value(found) != CATALOGUE[id].value(found):
        note = f"holds {CATALOGUE[id].value(found):,} on this data, fewer than Theorem 1 as published counts"
    elif id in ("margin", "joint"):
        note = bound.note
    parts = ("embedding_dim", "head_dim", "heads")
    d, dh, heads = (int(found[name]) if bound.architecture == "aot" else None for name in parts)
    parameters, source = int(found["parameters"]), "; ".join(str(SOURCES[key]) for key in bound.sources)
    return Plan(method, id, d, dh, heads, parameters, bits / parameters, bound.exactness, source, note, dtype)


def _answers(task: Task) -> int | None:
    found = getattr(task, "answers", None)
    return None if found is None else len(set(found.tolist()))
