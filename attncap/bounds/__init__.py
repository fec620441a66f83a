"""What theorems promise or forbid: the catalogue of capacity bounds and the planner."""

from attncap.bounds.bound import Assumption, Bound
from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.citation import citation
from attncap.bounds.evaluate import evaluate, value
from attncap.bounds.plan import plan

__all__ = ["CATALOGUE", "Assumption", "Bound", "citation", "evaluate", "plan", "value"]
