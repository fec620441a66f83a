"""How many free parameters a shape has, and which of its sizes grows to hold more."""

from dataclasses import dataclass

import sympy

from attncap.bounds.letters import DH, DOUT, DV, D, H, L, M, N, P, S


@dataclass(frozen=True)
class Architecture:
    """A family of models: the size that grows, and the parameters at a shape."""

    name: str
    size: str
    parameters: sympy.Expr


ARCHITECTURES = {
    "aot": Architecture("one-layer attention-only transformer", "heads", D * (S + 2 * N + 4 * DH * H)),
    "aot1": Architecture(
        "one-layer attention-only transformer with W_QK of rank 1", "heads", D * (S + 2 * N + 2 * (DH + 1) * H)
    ),
    "mha": Architecture("one multi-head attention layer", "heads", H * (2 * D * DH + D * DV + DV * DOUT)),
    "net2": Architecture("two-layer network", "neurons", M * (D + 1 + DOUT) + DOUT),
    "net3": Architecture("three-layer network", "neurons", M * (D + 1) + M * (M + 1) + DOUT * (M + 1)),
    "deep": Architecture("network of L hidden layers", "neurons", M * (D + 1) + (L - 1) * M * (M + 1) + DOUT * (M + 1)),
    "memory": Architecture("linear associative memory (one d x d matrix)", "embedding_dim", D**2),
    "hopfield": Architecture("Hopfield network (symmetric couplings)", "neurons", M * (M - 1) / 2),
    "any": Architecture("any model of that many parameters", "parameters", P),
}
