"""Whether the theorems' assumptions hold inside a real model, and what it holds."""

from attncap.audit.kruskal import Kruskal
from attncap.audit.mahdavi2024_assumptions import Assumptions, assumptions
from attncap.audit.shares import Share, clopper_pearson

__all__ = ["Assumptions", "Kruskal", "Share", "assumptions", "clopper_pearson"]
