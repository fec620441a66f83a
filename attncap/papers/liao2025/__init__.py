"""Liao, Liu, Hou, Zou and Ling 2025: the interpolation error of nonlinear attention."""

__all__: list[str] = []
