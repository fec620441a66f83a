"""Explicit weights that memorize a given task, verified on every item."""

from attncap.construct.fit import Fit, Shape
from attncap.construct.theorem import theorem

__all__ = ["Fit", "Shape", "theorem"]
