"""One bound: a formula with its source, from which the number, the LaTeX, the inverse and the JavaScript follow."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import sympy

from attncap.bounds.architectures import ARCHITECTURES, Architecture
from attncap.bounds.symbols import QUANTITIES, SYMBOLS, latex
from attncap.errors import InputError, UnmetError, nearest

Direction = Literal["lower", "upper", "sharp", "empirical"]
Exactness = Literal["exact", "order", "empirical"]
Evidence = Literal["text", "abstract", "secondary", "measured", "elementary"]
Unit = Literal["associations", "bits", "nats", "accuracy"]
Number = int | float

# The largest size that an inverse tries: no weight file is larger.
LARGEST = 10**18
_MARKS = {"lower": r"\Omega", "upper": "O", "sharp": r"\Theta"}


@dataclass(frozen=True)
class Assumption:
    """What a bound asks for: a sentence, and a condition where the shape alone decides it."""

    text: str
    condition: Any = None

    def fails(self, shape: Mapping[str, Number]) -> bool:
        """Tell whether this shape breaks the condition (a quantity that is not given breaks nothing)."""
        if self.condition is None:
            return False
        return self.condition.subs({SYMBOLS[name]: value for name, value in shape.items()}) is sympy.false


@dataclass(frozen=True)
class Bound:
    r"""A published bound as data.

    Args:
        id: its name in every interface.
        sources: keys of `attncap.bounds.sources.SOURCES`, the first one the origin.
        where: theorem, corollary or table.
        setting: model and data it speaks of.
        labels: type of what is memorized.
        direction: ``lower`` (can memorize at least), ``upper`` (cannot exceed), ``sharp`` (both) or ``empirical``.
        exactness: ``exact`` constants, ``order`` (constants unknown) or ``empirical``.
        evidence: how the entry was checked: the paper's ``text``, its ``abstract``, a ``secondary`` source,
            ``measured`` by this project, or ``elementary`` (an argument of one line).
        formula: its value at a shape, in `attncap.bounds.symbols`; an order has the factor ``constant``.
        architecture: key of `attncap.bounds.architectures.ARCHITECTURES`.
        unit: unit of the value.
        assumptions: what it asks for.
        logs: whether the order hides logarithms.
        note: what a reader must know beside the number.
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

    @property
    def family(self) -> Architecture:
        """The family of models that it speaks of."""
        return ARCHITECTURES[self.architecture]

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The quantities in the formula, in the order of `attncap.bounds.symbols.QUANTITIES`."""
        return tuple(name for name in QUANTITIES if SYMBOLS[name] in self.formula.free_symbols)

    @cached_property
    def _number(self) -> Callable[..., Number]:
        return compiled(self.formula, self.needs)

    def failing(self, shape: Mapping[str, Number]) -> str | None:
        """Name the first assumption that this shape breaks."""
        return next((a.text for a in self.assumptions if a.fails(shape)), None)

    def value(self, shape: Mapping[str, Number]) -> Number:
        """Evaluate the formula at a shape.

        Args:
            shape: every quantity of `needs`; others are ignored.

        Returns:
            The value, in `unit`.

        Raises:
            UnmetError: an assumption fails, or a quantity is not given.
        """
        if broken := self.failing(shape):
            given = ", ".join(f"{name}={value}" for name, value in shape.items() if name in self.needs)
            raise UnmetError(f"{self.id}: assumes {broken}, which fails at {given}")
        return self._at(shape)

    def _at(self, shape: Mapping[str, Number]) -> Number:
        if missing := [name for name in self.needs if name not in shape]:
            raise UnmetError(f"{self.id}: needs {', '.join(missing)}")
        return self._number(*(shape[name] for name in self.needs))

    def invert(self, target: Number, shape: Mapping[str, Number], unknown: str | None = None) -> int:
        """Find the smallest size whose value reaches a target: bisection on the formula itself.

        Args:
            target: the value to reach, in `unit`.
            shape: every other quantity of `needs`.
            unknown: the quantity to find; by default the size that grows in this family.

        Returns:
            The smallest positive integer that reaches the target.

        Raises:
            UnmetError: no size up to 10^18 does, or an assumption fails there.
        """
        unknown = unknown or (self.family.size if self.family.size in self.needs else "parameters")
        if unknown not in self.needs:
            raise InputError(f"{self.id}: its formula has no {unknown}{nearest(unknown, self.needs)}")
        low, high = 0, 1
        while self._at({**shape, unknown: high}) < target:
            if high > LARGEST:
                raise UnmetError(f"{self.id}: no {unknown} reaches {target:g} {self.unit} at this shape")
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._at({**shape, unknown: middle}) < target else (low, middle)
        self.value({**shape, unknown: high})
        return high

    @cached_property
    def latex(self) -> str:
        r"""The formula in the papers' letters; an order as \Omega(...), O(...) or \Theta(...)."""
        if self.exactness != "order":
            return latex(self.formula)
        mark, body = _MARKS[self.direction], latex(self.formula.subs(SYMBOLS["constant"], 1))
        return rf"\tilde{{{mark}}}\left({body}\right)" if self.logs else rf"{mark}\left({body}\right)"

    @cached_property
    def javascript(self) -> str:
        """The formula as a JavaScript expression in our names (`lambertW` comes with the bundle)."""
        return sympy.jscode(self.formula, user_functions={"LambertW": "lambertW"})


def compiled(formula: sympy.Expr, names: tuple[str, ...]) -> Callable[..., Number]:
    """Turn a formula into a Python function of its quantities; integers stay exact."""
    from sympy.utilities.lambdify import lambdify

    return lambdify([SYMBOLS[name] for name in names], formula, modules=[{"LambertW": _lambertw}, math])


def _lambertw(x: float) -> float:
    from scipy.special import lambertw

    return float(lambertw(x).real)
