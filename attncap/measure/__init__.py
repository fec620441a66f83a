"""How much a model memorized: recall, margin, divergence, bits - the one definition of each."""

from attncap.measure.tokens import (
    LN2,
    Recall,
    bits,
    bits_per_parameter,
    divergence,
    divergences,
    margin,
    margins,
    recall,
    verify,
)

__all__ = [
    "LN2",
    "Recall",
    "bits",
    "bits_per_parameter",
    "divergence",
    "divergences",
    "margin",
    "margins",
    "recall",
    "verify",
]
