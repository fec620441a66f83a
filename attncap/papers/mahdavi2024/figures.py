"""Mahdavi, Liao, Thrampoulidis 2024 (arXiv 2306.02010): what is redrawn."""

from attncap.papers.mahdavi2024.audit import AUDITS

FIGURES = (*AUDITS,)
