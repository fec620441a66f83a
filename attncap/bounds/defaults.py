"""What a quantity is where it is not given, as formulas of those that are."""

from itertools import pairwise

import sympy

from attncap.bounds.architectures import ARCHITECTURES
from attncap.bounds.letters import DH, D, N, S

# Associations memorized in margin mode over the corrected count, random labels, time-limited runs (so lower bounds):
# vocabulary -> ratio at each embedding_dim; where several runs were made, the smallest.
MARGIN_DIMS = (2, 10, 64)
MARGIN_RATIOS = {
    2: ("2", "2.2", "1.9"),
    10: ("1.3", "4.6", "4.5"),
    50: ("1.1", "4.5", "12"),
    1000: ("1.1", "11", "24"),
}


def margin_ratio() -> sympy.Expr:
    """Read the measured ratios as a formula: between cells, the smallest of the cells around the shape."""
    sizes, dims = [*MARGIN_RATIOS], [*MARGIN_DIMS]
    cell = {(n, k): sympy.Rational(r) for n in sizes for k, r in zip(dims, MARGIN_RATIOS[n], strict=True)}
    spans = [
        ((n, k), min(cell[i, j] for i in (n, above) for j in (k, right)))
        for n, above in pairwise([*sizes, sizes[-1]])
        for k, right in pairwise([*dims, dims[-1]])
    ]
    # The first true condition decides, so the largest cells stand first.
    pieces = [(ratio, sympy.And(n <= N, k <= D)) for (n, k), ratio in reversed(spans)]
    return sympy.Piecewise(*pieces, (1, True), evaluate=False)


DEFAULTS: dict[str, sympy.Expr] = {
    "value_dim": DH,
    "output_dim": sympy.Integer(1),
    "bits_per_weight": sympy.Integer(32),
    "data_rank": N + S - 1,
    "queries": N,
    # All sequences; past the largest float, as many as one likes.
    "associations": sympy.Piecewise((N**S, S * sympy.log(N) < 700), (sympy.oo, True)),
    "margin_ratio": margin_ratio(),
    "parameters": ARCHITECTURES["aot"].parameters,
}
