"""Mahdavi, Liao and Thrampoulidis 2024: the memorization capacity of multi-head attention."""

__all__: list[str] = []
