"""Whether the theorems' assumptions hold inside a real model, and what it holds."""

from attncap.audit.factual_memory import FactRecall, fact_recall
from attncap.audit.families import FAMILIES, Family
from attncap.audit.findings import Audit, Layer
from attncap.audit.heads import Head
from attncap.audit.kruskal import Kruskal
from attncap.audit.mahdavi2024_assumptions import Assumptions, assumptions
from attncap.audit.model_audit import audit
from attncap.audit.shares import Share
from attncap.audit.sources import load
from attncap.audit.transformer import Step, Transformer, twin

__all__ = [
    "FAMILIES",
    "Assumptions",
    "Audit",
    "FactRecall",
    "Family",
    "Head",
    "Kruskal",
    "Layer",
    "Share",
    "Step",
    "Transformer",
    "assumptions",
    "audit",
    "fact_recall",
    "load",
    "twin",
]
