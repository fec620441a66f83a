"""Explicit weights that memorize a given task, verified on every item."""

from attncap.construct.capacity import Capacity, capacity
from attncap.construct.fit import Fit, NotMemorized, Shape
from attncap.construct.margin import margin
from attncap.construct.theorem import theorem

__all__ = ["Capacity", "Fit", "NotMemorized", "Shape", "capacity", "margin", "theorem"]
