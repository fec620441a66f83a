"""How much a model memorized: recall, margin, divergence, bits, evidence - the one definition of each."""

from attncap.measure.code_length import (
    Memorized,
    bits,
    bits_hard,
    bits_per_parameter,
    evidence,
    memorized,
)
from attncap.measure.mixture import LN2
from attncap.measure.tokens import (
    Recall,
    divergence,
    divergences,
    margin,
    margins,
    recall,
    verify,
)

__all__ = [
    "LN2",
    "Memorized",
    "Recall",
    "bits",
    "bits_hard",
    "bits_per_parameter",
    "divergence",
    "divergences",
    "evidence",
    "margin",
    "margins",
    "memorized",
    "recall",
    "verify",
]
