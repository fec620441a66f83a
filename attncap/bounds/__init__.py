"""What theorems promise or forbid: the catalogue of capacity bounds and the planner."""

from attncap.bounds.bibtex import citation
from attncap.bounds.bound import Assumption, Bound
from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.planner import plan
from attncap.bounds.values import evaluate, value

__all__ = ["CATALOGUE", "Assumption", "Bound", "citation", "evaluate", "plan", "value"]
