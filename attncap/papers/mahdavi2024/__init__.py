"""Mahdavi, Liao, Thrampoulidis 2024: memorization capacity of multi-head attention (arXiv 2306.02010)."""

__all__: list[str] = []
