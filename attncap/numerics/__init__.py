"""Numerical methods that know nothing of attention: memory, bracketing, linear systems, L-BFGS, whitening, rank."""

__all__: list[str] = []
