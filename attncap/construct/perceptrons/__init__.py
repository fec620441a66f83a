"""Explicit perceptrons that answer every sequence of tokens."""

__all__: list[str] = []
