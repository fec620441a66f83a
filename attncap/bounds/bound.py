"""One bound: a formula with its source, from which the number, the LaTeX, the inverse and the JavaScript follow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import sympy

from attncap.bounds import labels
from attncap.bounds.architectures import ARCHITECTURES, Architecture
from attncap.bounds.formula import Number, compiled, javascript, latex, number, quantities, text
from attncap.bounds.symbols import SYMBOLS
from attncap.errors import InputError, UnmetError, nearest
from attncap.numerics.bracketing import LARGEST, smallest

Direction = Literal["lower", "upper", "sharp", "empirical"]
Exactness = Literal["exact", "conjectured", "order", "empirical"]
Evidence = Literal["text", "abstract", "quoted", "secondary", "measured", "derived", "elementary"]
Unit = Literal["associations", "bits", "nats", "accuracy", "parameters"]

_SIGNS = {"lower": "Ω", "upper": "O", "sharp": "Θ", "empirical": "Θ"}
_MARKS = {"lower": r"\Omega", "upper": "O", "sharp": r"\Theta", "empirical": r"\Theta"}


@dataclass(frozen=True)
class Assumption:
    """What a bound asks for: a sentence, and a condition where the shape alone decides it."""

    text: str
    condition: Any = None

    def fails(self, shape: Mapping[str, Number]) -> bool:
        """Tell whether this shape breaks the condition (a quantity that is not given breaks nothing)."""
        if self.condition is None or any(name not in shape for name in quantities(self.condition)):
            return False
        return not number(self.condition, shape)


@dataclass(frozen=True, kw_only=True)
class Bound:
    r"""A published bound as data.

    Args:
        id: its name in every interface.
        sources: keys of `attncap.bounds.sources.SOURCES`, the first one the origin.
        where: theorem, corollary or table.
        setting: model and data it speaks of.
        labels: type of what is memorized, a key of `attncap.bounds.labels.BITS`.
        direction: ``lower`` (can memorize at least), ``upper`` (cannot exceed), ``sharp`` (both) or ``empirical``.
        exactness: ``exact`` constants, ``conjectured`` ones (not proved), ``order`` (constants unknown) or
            ``empirical``.
        evidence: how the entry was checked: the paper's ``text``, its ``abstract``, the statement as ``quoted``
            elsewhere, a ``secondary`` source, ``measured`` or ``derived`` by this project, or ``elementary`` (an
            argument of one line).
        formula: its value at a shape, in `attncap.bounds.symbols`; an order has the factor ``constant``.
        architecture: key of `attncap.bounds.architectures.ARCHITECTURES`.
        unit: unit of the value.
        assumptions: what it asks for.
        logs: whether the order hides logarithms.
        note: what a reader must know beside the number.
        outside: what to do where an assumption fails.
    """

    id: str
    sources: tuple[str, ...]
    where: str
    setting: str
    labels: str
    direction: Direction
    exactness: Exactness
    evidence: Evidence
    formula: sympy.Expr
    architecture: str = "any"
    unit: Unit = "associations"
    assumptions: tuple[Assumption, ...] = ()
    logs: bool = False
    note: str = ""
    outside: str = ""

    @property
    def family(self) -> Architecture:
        """The family of models that it speaks of."""
        return ARCHITECTURES[self.architecture]

    @property
    def needs(self) -> tuple[str, ...]:
        """The quantities in the formula."""
        return quantities(self.formula)

    @cached_property
    def bits(self) -> sympy.Expr | None:
        """The bits that the value holds, the answers uniform (None where an item holds no fixed number)."""
        if self.unit == "bits":
            return self.formula
        per_label = labels.BITS[self.labels] if self.unit == "associations" else None
        return per_label and per_label(self.formula)

    def failing(self, shape: Mapping[str, Number]) -> str | None:
        """Name the first assumption that this shape breaks, with the numbers that break it."""
        for assumption in self.assumptions:
            if assumption.fails(shape):
                given = ", ".join(f"{name} = {shape[name]:.15g}" for name in quantities(assumption.condition))
                return "; ".join(filter(None, (f"assumes {assumption.text}", f"got {given}", self.outside)))
        return None

    def closest(self, failures: Iterable[str]) -> str:
        """Return the failure that came closest to none: assumptions are checked in order."""
        order = [assumption.text for assumption in self.assumptions]
        return max(failures, key=lambda text: next((i for i, asked in enumerate(order) if asked in text), len(order)))

    def value(self, shape: Mapping[str, Number]) -> Number:
        """Evaluate the formula at a shape.

        Args:
            shape: every quantity of `needs`; others are ignored.

        Returns:
            The value, in `unit`.

        Raises:
            UnmetError: an assumption fails, a quantity is not given, or the value is past the largest float.
        """
        try:
            if broken := self.failing(shape):
                raise UnmetError(f"{self.id}: {broken}")
            self._check({*shape})
            return number(self.formula, shape)
        except OverflowError:
            raise UnmetError(f"{self.id}: more than 1e308 at this shape") from None

    def _check(self, given: set[str]) -> None:
        if missing := [name for name in self.needs if name not in given]:
            raise UnmetError(f"{self.id}: needs {', '.join(missing)}")

    def invert(
        self, target: Number, shape: Mapping[str, Number], unknown: str | None = None, *, extrapolate: bool = False
    ) -> int:
        """Find the smallest size whose value reaches a target: bisection on the formula itself.

        Args:
            target: the value to reach, in `unit`.
            shape: every other quantity of `needs`.
            unknown: the quantity to find; by default the size that grows in this family.
            extrapolate: take the assumptions for granted: a guess, no promise.

        Returns:
            The smallest positive integer that reaches the target.

        Raises:
            UnmetError: no size up to 10^18 does, or an assumption fails there.
        """
        unknown = unknown or (self.family.size if self.family.size in self.needs else "parameters")
        if unknown not in self.needs:
            raise InputError(f"{self.id}: its formula has no {unknown}{nearest(unknown, self.needs)}")
        self._check({*shape, unknown})
        function, others = compiled(self.formula), {name: shape[name] for name in self.needs if name != unknown}
        start: int | None = 1
        if not extrapolate:
            if broken := self.failing({name: given for name, given in shape.items() if name != unknown}):
                raise UnmetError(f"{self.id}: {broken}")
            start = smallest(lambda size: not self.failing({**shape, unknown: size}))
        if start is None:
            failures = (self.failing({**shape, unknown: 2**k}) or "" for k in range(LARGEST.bit_length()))
            raise UnmetError(f"{self.id}: {self.closest(failures)}")
        size = smallest(lambda size: function(**others, **{unknown: size}) >= target, start)
        if not extrapolate:
            self.value({**shape, unknown: size or start})
        if size is None:
            raise UnmetError(f"{self.id}: no {unknown} reaches {target:g} {self.unit} at this shape")
        return size

    @property
    def order(self) -> str:
        """An order as plain text, the logarithms hidden by a tilde.

        Example:
            >>> from attncap.bounds import CATALOGUE
            >>> CATALOGUE["kajitsuka2025"].order
            'Θ~(P^2)'
        """
        return f"{_SIGNS[self.direction]}{'~' * self.logs}({text(self._shown)})"

    @property
    def _shown(self) -> sympy.Expr:
        """An order without its constant where that is a factor; elsewhere it stays where it stands."""
        constant = SYMBOLS["constant"]
        bare = self.formula / constant
        return self.formula if self.exactness != "order" or constant in bare.free_symbols else bare

    @cached_property
    def latex(self) -> str:
        r"""The formula in the papers' letters; an order as \Omega(...), O(...) or \Theta(...)."""
        body = latex(self._shown)
        if self.exactness != "order":
            return body
        mark = _MARKS[self.direction]
        return rf"\tilde{{{mark}}}\left({body}\right)" if self.logs else rf"{mark}\left({body}\right)"

    @cached_property
    def javascript(self) -> str:
        """The formula as a JavaScript expression in our names; `attncap.bounds.javascript` defines lambertW."""
        return javascript(self.formula)
