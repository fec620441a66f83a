"""What is read off a formula: its number, LaTeX, plain text and JavaScript."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import sympy

from attncap.bounds.symbols import QUANTITIES, SYMBOLS

Number = int | float

# LaTeX sorts a sum by the names of its symbols: print it with the papers' letters as names.
LETTERS = {SYMBOLS[name]: sympy.Symbol(quantity.letter) for name, quantity in QUANTITIES.items()}


def latex(formula: sympy.Expr) -> str:
    """Print a formula in the papers' letters.

    Example:
        >>> latex(SYMBOLS["heads"] * SYMBOLS["head_dim"] + SYMBOLS["embedding_dim"])
        'H d_h + d'
    """
    return sympy.latex(
        formula.xreplace(LETTERS), symbol_names={letter: letter.name for letter in LETTERS.values()}, ln_notation=True
    )


def text(formula: sympy.Expr) -> str:
    """Print a formula in the papers' letters as plain text.

    Example:
        >>> text(SYMBOLS["parameters"] ** 2 / SYMBOLS["context"])
        'P^2/S'
    """
    shown = sympy.sstr(formula.xreplace(LETTERS)).replace("**", "^")
    return shown.replace(r"\varepsilon", "ε").replace(r"\alpha", "α")


def javascript(formula: sympy.Basic) -> str:
    """Print a formula or a condition as a JavaScript expression in our names.

    Example:
        >>> javascript(sympy.floor(SYMBOLS["neurons"] / 4))
        'Math.floor((1/4)*neurons)'
    """
    return " ".join(sympy.jscode(formula, user_functions={"LambertW": "lambertW"}).split())


@cache
def quantities(formula: sympy.Basic) -> tuple[str, ...]:
    """Name the quantities in a formula, in the order of `attncap.bounds.symbols.QUANTITIES`."""
    named = formula.free_symbols
    return tuple(name for name in QUANTITIES if SYMBOLS[name] in named)


@cache
def compiled(formula: sympy.Basic) -> Callable[..., Any]:
    """Turn a formula or a condition into a Python function of its quantities (once)."""
    return sympy.lambdify(
        [SYMBOLS[name] for name in quantities(formula)], formula, modules=[{"LambertW": _lambertw}, math]
    )


def number(formula: sympy.Basic, shape: Mapping[str, Number]) -> Any:
    """Evaluate a formula or a condition at a shape that gives its quantities; integers stay exact."""
    return compiled(formula)(*(shape[name] for name in quantities(formula)))


def _lambertw(x: float) -> float:
    # Not SciPy's: importing scipy.special takes longer than the whole catalogue.
    return float(sympy.LambertW(float(x)))
