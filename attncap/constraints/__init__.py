"""What an argument may be, as data in its annotation: one check for Python, the terminal and sweeps."""

from attncap.constraints.calls import check_fields, checked
from attncap.constraints.rules import Count, Natural, NotNegative, Numbers, OneOf, Positive, Range, Seed, Share, reals
from attncap.constraints.values import LARGEST, fits, settle
from attncap.constraints.words import NAMES, choices, expected

__all__ = [
    "LARGEST",
    "NAMES",
    "Count",
    "Natural",
    "NotNegative",
    "Numbers",
    "OneOf",
    "Positive",
    "Range",
    "Seed",
    "Share",
    "check_fields",
    "checked",
    "choices",
    "expected",
    "fits",
    "reals",
    "settle",
]
