"""The laws: what each draws, where a fit of it starts, and which larger laws contain it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Inexact

from attncap.errors import InputError, nearest

Points = Float[np.ndarray, " n"]
Curve = Callable[[Inexact[np.ndarray, "..."], Inexact[np.ndarray, " k"]], Inexact[np.ndarray, "..."]]


@dataclass(frozen=True)
class Law:
    """A family of curves: its formula, the curve, parameters to start a fit from, and the larger laws it is part of.

    The curve takes complex numbers too: its derivatives are read off complex steps.
    """

    name: str
    formula: str
    curve: Curve
    start: Callable[[Points, Points], np.ndarray]
    inside: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """How many numbers the fit chooses."""
        return len(self.start(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 4.0])))


def _polynomial(name: str, degree: int, inside: tuple[str, ...] = ()) -> Law:
    return Law(
        name,
        " + ".join(["a", "b x", "c x^2", "d x^3"][: degree + 1]),
        lambda x, p: np.polyval(p[::-1], x),
        lambda x, y: np.polyfit(x, y, min(degree, len(x) - 1))[::-1],
        inside,
    )


def _monomial(name: str, degree: int, inside: tuple[str, ...]) -> Law:
    return Law(
        name,
        f"a x^{degree} + b",
        lambda x, p: p[0] * x**degree + p[1],
        lambda x, y: np.polyfit(x**degree, y, 1),
        inside,
    )


def _start_power(x: Points, y: Points) -> np.ndarray:
    # What is not positive has no logarithm; the floor has the unit of y.
    floor = max(1e-9 * float(np.abs(y).max()), np.finfo(float).tiny)
    slope, level = np.polyfit(np.log(x), np.log(np.maximum(y, floor)), 1)
    return np.array([np.exp(level), slope])


def _start_saturating(x: Points, y: Points) -> np.ndarray:
    # The best of a grid of rates, each with its best height: from a far rate the descent ends on a straight line.
    rates = np.geomspace(0.01 / x.max(), 10 / x.min(), 50)
    shapes = -np.expm1(-np.outer(rates, x))
    tops = shapes @ y / (shapes**2).sum(axis=1)
    best = np.argmin(((tops[:, None] * shapes - y) ** 2).sum(axis=1))
    return np.array([tops[best], rates[best]])


LAWS = {
    law.name: law
    for law in (
        _polynomial("linear", 1, ("quadratic", "cubic")),
        _monomial("square", 2, ("quadratic", "cubic")),
        _monomial("cube", 3, ("cubic",)),
        _polynomial("quadratic", 2, ("cubic",)),
        _polynomial("cubic", 3),
        Law("power", "a x^b", lambda x, p: p[0] * x ** p[1], _start_power),
        Law("saturating", "a (1 - exp(-b x))", lambda x, p: p[0] * -np.expm1(-p[1] * x), _start_saturating),
    )
}


def named(name: str) -> Law:
    """Return the law of a name, or say which names there are."""
    if name not in LAWS:
        raise InputError(f"fit: expected laws among {', '.join(LAWS)}, got {name!r}{nearest(name, LAWS)}")
    return LAWS[name]
