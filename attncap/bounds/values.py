"""Numbers from the catalogue: one bound, or all of them at one shape."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attncap.bounds.bound import Bound
from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.defaults import DEFAULTS
from attncap.bounds.formula import Number, number, quantities
from attncap.bounds.labels import TOKEN
from attncap.bounds.sources import SOURCES
from attncap.bounds.symbols import QUANTITIES
from attncap.constraints import checked
from attncap.errors import InputError, UnmetError, nearest
from attncap.numerics.bracketing import smallest
from attncap.result import Result

if TYPE_CHECKING:
    from rich.console import JustifyMethod, RenderableType

_RELATIONS = {"lower": "≥", "upper": "≤", "sharp": "≈", "empirical": "≈"}


def find(id: str) -> Bound:
    """Look a bound up by its id.

    Raises:
        InputError: no such bound.
    """
    if id not in CATALOGUE:
        raise InputError(f"bound {id!r}: not in the catalogue{nearest(id, CATALOGUE)} (`attncap bounds` lists them)")
    return CATALOGUE[id]


def complete(shape: Mapping[str, Number | None]) -> dict[str, Number]:
    """Check a shape and fill in what follows from it.

    Args:
        shape: quantities by name (`attncap.bounds.symbols.QUANTITIES`); None is the same as not given.

    Returns:
        The shape with the defaults that the given quantities determine.

    Raises:
        InputError: an unknown name, or a quantity that is not a positive (whole) number.

    Example:
        >>> complete({"vocabulary": 50, "context": 2})["data_rank"]
        51
    """
    known: dict[str, Number] = {}
    for name, given in shape.items():
        if name not in QUANTITIES:
            raise InputError(f"{name}: no such quantity{nearest(name, QUANTITIES)}")
        if given is None:
            continue
        whole = QUANTITIES[name].integer
        zero = QUANTITIES[name].zero and given == 0
        if not (zero or 0 < given < float("inf")) or (whole and given != int(given)):
            least = "whole number >= 1" if whole else "number >= 0" if QUANTITIES[name].zero else "number > 0"
            raise InputError(name, f"a {least}", given)
        known[name] = int(given) if whole else given
    return fill(known)


def fill(shape: Mapping[str, Number]) -> dict[str, Number]:
    """Fill in the defaults that a checked shape determines."""
    known = dict(shape)
    for name, default in DEFAULTS.items():
        if name not in known and all(needed in known for needed in quantities(default)):
            known[name] = number(default, known)
    return known


def at_parameters(bound: Bound, shape: Mapping[str, Number]) -> dict[str, Number]:
    """Give a bound on another family the size that the shape's parameters pay for; neurons that are given stay."""
    own = "" if bound.architecture in ("aot", "any") or bound.family.size == "neurons" else bound.family.size
    return fit(bound, {name: given for name, given in shape.items() if name != own})


def fit(bound: Bound, shape: Mapping[str, Number]) -> dict[str, Number]:
    """Give another family of models the size that the shape's parameters pay for, if it has none."""
    family, size = bound.family, bound.family.size
    others = {name for name in quantities(family.parameters) if name != size}
    if size in shape or "parameters" not in shape or not others <= shape.keys():
        return dict(shape)
    above = smallest(lambda n: number(family.parameters, {**shape, size: n}) > shape["parameters"])
    return {**shape, size: above - 1} if above and above > 1 else dict(shape)


@checked
def value(id: str, **shape: Number | None) -> Number:
    r"""Evaluate one bound at a shape.

    Args:
        id: the bound's id, for instance ``dana2025`` ($T_0 = H d_h + d$, Dana et al. 2025, Corollary 1),
            ``corrected`` ($T_0^* = H r + \min(d, q)$) or ``cover1965`` (2 patterns a weight).
        shape: quantities by name: heads, head_dim, embedding_dim, context, vocabulary, ...; by default
            ``data_rank`` is N + S - 1, ``queries`` is N, ``parameters`` those of the attention-only transformer.

    Returns:
        A whole number where the bound counts, else a float; the unit is the bound's ``unit``.

    Raises:
        InputError: an unknown id or quantity.
        UnmetError: an assumption fails at this shape, or a quantity or constant is not known.

    Example:
        >>> value("dana2025", heads=20, head_dim=10, embedding_dim=10)
        210
        >>> value("corrected", heads=8, head_dim=64, embedding_dim=64, context=12, vocabulary=2)
        98
        >>> value("mahdavi2024", heads=20, head_dim=32, context=32)
        621
        >>> value("cover1965", parameters=100)
        200
    """
    bound = find(id)
    return bound.value(fit(bound, complete(shape)))


@dataclass(frozen=True)
class Promise(Result):
    """One bound at one shape: its value, or why it has none.

    Attributes:
        value: in ``unit``.
        bits: that the value holds, the answers uniform; None where the labels hold no fixed number of bits.
        parameters: of the model that the row is read at.
        size: the size that was chosen to have as many parameters as the shape (for families other than its own).
    """

    id: str
    source: str
    where: str
    setting: str
    direction: str
    labels: str
    exact: bool
    evidence: str
    value: Number | None
    unit: str
    missing: str | None
    note: str
    bits: float | None
    assumptions: tuple[str, ...]
    parameters: Number | None
    size: dict[str, Number]

    @property
    def cites(self) -> tuple[str, ...]:
        """The id of the bound."""
        return (self.id,)

    @property
    def latex(self) -> str:
        """The formula; printing it takes longer than its value."""
        return CATALOGUE[self.id].latex

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of this promise, its formula included."""
        return super().to_dict() | {"latex": self.latex}

    @property
    def says(self) -> str:
        """The promise in a few letters: ``≥ 210``, or the order where constants are unknown."""
        if self.value is not None:
            shown = f"{self.value:,}" if isinstance(self.value, int) else f"{self.value:,.6g}"
            return f"{_RELATIONS[self.direction]} {shown}"
        bound = CATALOGUE[self.id]
        return bound.order if bound.exactness == "order" else "-"

    @property
    def at(self) -> str:
        """The size that the row is read at, where it is not the shape's: ``H = 29``."""
        return ", ".join(f"{QUANTITIES[name].letter} = {given:,}" for name, given in self.size.items())


@dataclass(frozen=True)
class Promises(Result):
    """The catalogue at one shape."""

    shape: dict[str, Number]
    bounds: tuple[Promise, ...]

    @property
    def cites(self) -> tuple[str, ...]:
        """The ids of the bounds shown."""
        return tuple(promise.id for promise in self.bounds)

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        return Group(*self._blocks())

    def _blocks(self) -> "Iterator[RenderableType]":
        from attncap.terminal import Rows

        numbers: dict[str, int] = {}
        table = Rows(gap=1)
        for title in ("bound", "value", "bits", "at", "labels", "assumes", "checked by"):
            wide = title in ("value", "labels")
            justify: JustifyMethod = "right" if title == "bits" else "left"
            table.add_column(title, no_wrap=not wide, min_width=16 * wide, justify=justify)
        for p in self.bounds:
            value = p.says if p.unit == "associations" else f"{p.says} {p.unit}"
            bits = "" if p.bits is None else f"{p.bits:,.0f}"
            assumed = " ".join(str(numbers.setdefault(text, len(numbers) + 1)) for text in p.assumptions)
            labels = p.labels.removesuffix(" (argmax)").removeprefix("next-token ")
            table.add_row(p.id, value, bits, p.at, labels, assumed, p.evidence)
        most = self.shape.get("parameters", 0)
        yield f"every row is read at {most:,} parameters, or the most below that its size has"
        yield table
        yield "assumes"
        yield from (f"{number:2} {text}" for text, number in numbers.items())
        yield from (f"{p.id}: {p.missing}" for p in self.bounds if p.missing and p.missing != "needs constant")
        yield "orders have unknown constants: give them by id; sources: attncap cite ID"


@checked
def evaluate(*, constants: Mapping[str, Number] | None = None, **shape: Number | None) -> Promises:
    r"""Evaluate the whole catalogue at one shape.

    Bounds on other families of models are read at the number of parameters of the attention-only transformer of this
    shape, $d (S + 2 N + 4 d_h H)$.

    Args:
        constants: a bound's id -> the constant that its source leaves unknown; the value is then that constant times
            the order (hidden logarithms left out).
        shape: quantities by name: heads ($H$), head_dim ($d_h$), embedding_dim ($d$), context ($S$ or $n$),
            vocabulary ($N$), and any of `attncap.bounds.symbols.QUANTITIES`.

    Returns:
        One row a bound, in the catalogue's order.

    Raises:
        InputError: an unknown quantity, or a constant for a bound that has none.

    Example:
        >>> table = evaluate(heads=20, head_dim=10, embedding_dim=10, vocabulary=50, context=2)
        >>> table.bounds[0].id, table.bounds[0].value
        ('dana2025', 210)
    """
    known, constants = complete(shape), check_constants(constants or {})
    rows = tuple(_promise(bound, known, constants.get(bound.id)) for bound in CATALOGUE.values())
    return Promises({name: known[name] for name in (*shape, "parameters") if name in known}, rows)


def check_constants(constants: Mapping[str, Number]) -> dict[str, Number]:
    """Refuse constants of bounds that are not in the catalogue or have none."""
    for id, given in constants.items():
        if "constant" not in find(id).needs:
            raise InputError("constants", f"no constant for {id}, whose constants are known", given)
        if not 0 < given < float("inf"):
            raise InputError("constants", f"a number > 0 for {id}", given)
    return dict(constants)


def _promise(bound: Bound, known: Mapping[str, Number], constant: Number | None) -> Promise:
    shape = at_parameters(bound, known if constant is None else {**known, "constant": constant})
    result, bits, missing = None, None, None
    try:
        result = bound.value(shape)
        if bound.bits is not None and {*quantities(bound.bits)} <= shape.keys():
            bits = float(number(bound.bits, shape))
            if counts_sequences(bound) and result > (most := shape["associations"]):
                result, bits = int(most), bits * most / result
    except UnmetError as error:
        missing = str(error).removeprefix(f"{bound.id}: ")
    return Promise(
        id=bound.id,
        source="; ".join(str(SOURCES[key]) for key in bound.sources),
        where=bound.where,
        setting=bound.setting,
        direction=bound.direction,
        labels=bound.labels,
        exact=bound.exactness == "exact",
        evidence=bound.evidence,
        value=result,
        unit=bound.unit,
        missing=missing,
        note=bound.note,
        bits=bits,
        assumptions=tuple(assumption.text for assumption in bound.assumptions),
        parameters=_paid(bound, shape),
        size={} if bound.architecture in ("aot", "any") else {n: shape[n] for n in (bound.family.size,) if n in shape},
    )


def counts_sequences(bound: Bound) -> bool:
    """Tell whether a bound counts token sequences of a layer, which memorizes no more than there are."""
    return bound.labels == TOKEN and bound.unit == "associations" and bound.family.size == "heads"


def _paid(bound: Bound, shape: Mapping[str, Number]) -> Number | None:
    formula = bound.family.parameters
    return int(number(formula, shape)) if {*quantities(formula)} <= shape.keys() else None
