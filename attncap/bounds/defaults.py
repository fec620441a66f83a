"""What a quantity is where it is not given, as formulas of those that are."""

import sympy

from attncap.bounds.architectures import ARCHITECTURES
from attncap.bounds.letters import DH, N, S, T

DEFAULTS: dict[str, sympy.Expr] = {
    "value_dim": DH,
    "output_dim": sympy.Integer(1),
    "bits_per_weight": sympy.Integer(32),
    "data_rank": N + S - 1,
    "queries": N,
    "error": sympy.Integer(0),
    "inverse_temperature": sympy.Integer(1),
    "radius": sympy.Integer(3),
    "failure": sympy.Rational(1, 1000),
    # All sequences; past the largest float, as many as one likes.
    "associations": sympy.Piecewise((N**S, S * sympy.log(N) < 700), (sympy.oo, True)),
    # As many as random answers are expected to be.
    "answers": sympy.ceiling(N * (1 - (1 - 1 / N) ** T)),
    "parameters": ARCHITECTURES["aot"].parameters,
}
