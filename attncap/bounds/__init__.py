"""What theorems promise or forbid: the catalogue of capacity bounds and the planner."""

from attncap.bounds.bound import Assumption, Bound
from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.evaluate import value

__all__ = ["CATALOGUE", "Assumption", "Bound", "value"]
