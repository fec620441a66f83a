"""Numbers from the catalogue: one bound, or all of them at one shape."""

from collections.abc import Mapping
from functools import cache

import sympy

from attncap.bounds.bound import Bound, Number, compiled
from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.defaults import DEFAULTS
from attncap.bounds.symbols import QUANTITIES, SYMBOLS
from attncap.errors import InputError, nearest


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
    for name, value in shape.items():
        if name not in QUANTITIES:
            raise InputError(f"{name}: no such quantity{nearest(name, QUANTITIES)}")
        if value is None:
            continue
        if not value > 0 or (QUANTITIES[name].integer and value != int(value)):
            kind = "whole number >= 1" if QUANTITIES[name].integer else "number > 0"
            raise InputError(f"{name}: expected a {kind}, got {value}")
        known[name] = int(value) if QUANTITIES[name].integer else value
    for name, default in DEFAULTS.items():
        if name not in known and all(symbol.name in known for symbol in default.free_symbols):
            known[name] = evaluated(default, known)
    return known


@cache
def _function(formula: sympy.Expr) -> tuple:
    names = tuple(name for name in QUANTITIES if SYMBOLS[name] in formula.free_symbols)
    return names, compiled(formula, names)


def evaluated(formula: sympy.Expr, shape: Mapping[str, Number]) -> Number:
    """Evaluate any formula of `attncap.bounds.symbols` (a parameter count) at a completed shape."""
    names, function = _function(formula)
    return function(*(shape[name] for name in names))


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
    return find(id).value(complete(shape))
