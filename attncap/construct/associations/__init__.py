"""Explicit weights that answer every sequence of tokens."""

__all__: list[str] = []
