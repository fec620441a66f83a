"""Every bound by its id: adding one is adding an entry to a file of `attncap.bounds.entries`.

What each entry rests on stands in its ``evidence``. Values count associations unless ``unit`` says otherwise.
"""

from attncap.bounds.bound import Bound
from attncap.bounds.entries import FAMILIES

CATALOGUE: dict[str, Bound] = {bound.id: bound for family in FAMILIES for bound in family.BOUNDS}
