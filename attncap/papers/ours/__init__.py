"""Figures that no paper shows."""

__all__: list[str] = []
