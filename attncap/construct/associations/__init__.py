"""Explicit weights that answer every sequence of tokens."""
