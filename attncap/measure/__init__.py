"""How much a model memorized: recall, margin, divergence, bits, evidence - the one definition of each.

A model knows tokens by their numbers, not by their words: a task with another vocabulary is first expressed in the
memory's own (`attncap.archive.Archive.translate`), or another token is asked for.
"""

from attncap.measure.certificate import PROGRAMS, Certificate, certificates, certify
from attncap.measure.code_length import (
    Memorized,
    bits,
    bits_hard,
    bits_per_parameter,
    evidence,
    memorized,
)
from attncap.measure.degrees import (
    answers_in_use,
    degrees_of_freedom,
    jacobian_entries,
    layer_parameters,
    parameters_in_use,
)
from attncap.measure.mixture import LN2
from attncap.measure.orders import ORDERS, right_in
from attncap.measure.tokens import (
    Recall,
    divergence,
    divergences,
    margin,
    margins,
    recall,
)
from attncap.measure.verification import verify

__all__ = [
    "LN2",
    "ORDERS",
    "PROGRAMS",
    "Certificate",
    "Memorized",
    "Recall",
    "answers_in_use",
    "bits",
    "bits_hard",
    "bits_per_parameter",
    "certificates",
    "certify",
    "degrees_of_freedom",
    "divergence",
    "divergences",
    "evidence",
    "jacobian_entries",
    "layer_parameters",
    "margin",
    "margins",
    "memorized",
    "parameters_in_use",
    "recall",
    "right_in",
    "verify",
]
