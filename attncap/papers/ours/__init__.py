"""Figures that no paper shows."""
