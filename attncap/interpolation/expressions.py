"""Activations written as Python expressions in t, read without evaluating any code.

SymPy's ``parse_expr`` and ``lambdify`` run their text through Python's ``eval`` and ``exec``, so the expression's
syntax tree is walked here instead: numbers, t, arithmetic, comparisons, conditionals and the functions below. Nothing
else exists.
"""

import ast
import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from attncap.errors import InputError, nearest

Value = np.ndarray | np.float64
Function = Callable[[np.ndarray], np.ndarray]


def _power(base: Value, exponent: Value) -> Value:
    if np.ndim(exponent) == 0 and exponent in (2, 3, 4):
        return functools.reduce(operator.mul, [base] * int(exponent))  # faster than pow
    return base**exponent


FUNCTIONS: dict[str, Callable] = {
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "erf": special.erf,
    "min": np.minimum,
    "max": np.maximum,
    "heaviside": lambda t: np.heaviside(t, 0.5),
}
FUNCTIONS |= {"Abs": np.abs, "Min": np.minimum, "Max": np.maximum}  # SymPy's spelling
CONSTANTS = {"pi": np.pi, "e": np.e}
OPERATORS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
LONGEST = 500


def parse(text: str) -> Function:
    """Turn an expression in t into a function of an array.

    Raises:
        InputError: the text is no expression, or uses what is not listed above.

    Example:
        >>> parse("max(t, 0) + 0.1*min(t, 0)")(np.array([-1.0, 2.0])).tolist()
        [-0.1, 2.0]
        >>> parse("__import__('os')")
        Traceback (most recent call last):
        attncap.errors.InputError: activation "__import__('os')": no function '__import__'; ...
    """
    if len(text) > LONGEST:
        raise InputError(f"activation: an expression of {len(text)} characters; at most {LONGEST} are read")
    try:
        evaluate(_tree(text), np.zeros(1), text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"activation {text!r}: not a Python expression in t, such as 'tanh(2*t) + 0.1*t'") from None
    return Expression(text)


@dataclass(frozen=True)
class Expression:
    """A function of an array that is known by its text, so that it can be compared and sent to other processes."""

    text: str

    def __call__(self, t: np.ndarray) -> np.ndarray:
        """Return the values at the points t."""
        return evaluate(_tree(self.text), t, self.text)


@functools.lru_cache(maxsize=256)
def _tree(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def evaluate(node: ast.expr, t: np.ndarray, text: str) -> np.ndarray:
    """Compute the value of a syntax tree at the points t, in float64 and silently (NaN and infinity are seen later)."""
    with np.errstate(all="ignore"):
        return np.broadcast_to(_walk(node, t, text), t.shape)


def _walk(node: ast.expr, t: np.ndarray, text: str) -> Value:
    def value(child: ast.expr) -> Value:
        return _walk(child, t, text)

    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return np.float64(number)
        case ast.Name(id="t"):
            return t
        case ast.Name(id=name) if name in CONSTANTS:
            return np.float64(CONSTANTS[name])
        case ast.BinOp(left, symbol, right) if type(symbol) in OPERATORS:
            return OPERATORS[type(symbol)](value(left), value(right))
        case ast.UnaryOp(symbol, operand) if type(symbol) in OPERATORS:
            return OPERATORS[type(symbol)](value(operand))
        case ast.Compare(left, [symbol], [right]) if type(symbol) in OPERATORS:
            return np.where(OPERATORS[type(symbol)](value(left), value(right)), 1.0, 0.0)
        case ast.IfExp(test, body, orelse):
            return np.where(value(test), value(body), value(orelse))
        case ast.Call(ast.Name(id=name), arguments, []) if name in FUNCTIONS:
            return _call(name, [value(argument) for argument in arguments], text)
        case ast.Call(ast.Name(id=name)):
            raise InputError(f"activation {text!r}: no function {name!r}{nearest(name, FUNCTIONS) or _known()}")
        case ast.Name(id=name):
            raise InputError(f"activation {text!r}: no name {name!r}; the variable is t")
        case _:
            raise InputError(f"activation {text!r}: cannot use {ast.unparse(node)!r}; use + - * / ** and functions")


def _call(name: str, values: list, text: str) -> Value:
    expected = 2 if FUNCTIONS[name] in (np.minimum, np.maximum) else 1
    if len(values) != expected:
        raise InputError(f"activation {text!r}: {name} takes {expected} argument(s), got {len(values)}")
    return FUNCTIONS[name](*values)


def _known() -> str:
    return f"; known: {', '.join(sorted(FUNCTIONS, key=str.lower))}"
