"""How many free parameters a shape has, and which of its sizes grows to hold more."""

from dataclasses import dataclass

import sympy

from attncap.bounds.symbols import SYMBOLS

H, dh, d, S, N = (SYMBOLS[name] for name in ("heads", "head_dim", "embedding_dim", "context", "vocabulary"))
dv, dout, m, P = (SYMBOLS[name] for name in ("value_dim", "output_dim", "neurons", "parameters"))


@dataclass(frozen=True)
class Architecture:
    """A family of models: the size that grows, and the parameters at a shape."""

    name: str
    size: str
    parameters: sympy.Expr


ARCHITECTURES = {
    "aot": Architecture("one-layer attention-only transformer", "heads", d * (S + 2 * N + 4 * dh * H)),
    "mha": Architecture("one multi-head attention layer", "heads", H * (2 * d * dh + d * dv + dv * dout)),
    "net2": Architecture("two-layer network", "neurons", m * (d + 1 + dout) + dout),
    "net3": Architecture("three-layer network", "neurons", m * (d + 1) + m * (m + 1) + dout * (m + 1)),
    "memory": Architecture("linear associative memory (one d x d matrix)", "embedding_dim", d**2),
    "hopfield": Architecture("Hopfield network (symmetric couplings)", "neurons", m * (m - 1) / 2),
    "any": Architecture("any model of that many parameters", "parameters", P),
}
