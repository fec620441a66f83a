"""The quantities that formulas speak of: our name, the papers' letter, what it counts.

A symbol's name is the keyword and the command line's option; its letter appears in LaTeX only.
"""

from dataclasses import dataclass

import sympy


@dataclass(frozen=True)
class Quantity:
    """One quantity of a shape, or one that must be measured before a bound is a number."""

    letter: str
    meaning: str
    integer: bool = True
    zero: bool = False


QUANTITIES: dict[str, Quantity] = {
    "heads": Quantity("H", "attention heads"),
    "head_dim": Quantity("d_h", "dimension of a head, the rank of W_QK and W_OV"),
    "embedding_dim": Quantity("d", "dimension of the embedding, or of a network's input"),
    "value_dim": Quantity("d_v", "dimension of a head's values"),
    "output_dim": Quantity(r"d_{\mathrm{out}}", "dimension of a real label"),
    "context": Quantity("S", "tokens in a context (n in Mahdavi et al.)"),
    "vocabulary": Quantity("N", "tokens in the vocabulary"),
    "data_rank": Quantity(r"\rho", "rank of the token-position vectors in use"),
    "queries": Quantity("q", "distinct last tokens in use"),
    "answers": Quantity("A", "distinct answers in use"),
    "associations": Quantity("T", "associations or examples to memorize"),
    "parameters": Quantity("P", "free parameters"),
    "neurons": Quantity("m", "hidden neurons, of a layer if there are several"),
    "depth": Quantity("L", "layers of a network"),
    "bits_per_weight": Quantity("b", "bits that store one weight"),
    "constant": Quantity("C", "constant that the source leaves unknown", integer=False),
    "encoder_divergence": Quantity(r"D_d", "KL divergence of the best rank-d encoder, nats", integer=False),
    "uncovered": Quantity(r"\varepsilon", "probability of the sequences left out", integer=False),
    "logit_norm": Quantity(r"\lVert WE\rVert", "spectral norm of the encoder's logits", integer=False),
    "slack": Quantity(r"\gamma", "any positive slack, nats", integer=False),
    "error": Quantity(r"\eta", "share of the answers that may be wrong", integer=False, zero=True),
    "inverse_temperature": Quantity(r"\beta", "inverse temperature of a softmax memory", integer=False),
    "radius": Quantity("K", "norm of a stored pattern over sqrt(d - 1)", integer=False),
    "frequency_exponent": Quantity(r"\alpha", "alpha, where facts occur in proportion to i^-alpha", integer=False),
    "failure": Quantity("p", "probability that a random memory fails", integer=False),
}

# Without assumptions: checking them would take longer than everything else that the command line does.
SYMBOLS = {name: sympy.Symbol(name) for name in QUANTITIES}
