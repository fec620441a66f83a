"""Figures: one Altair chart serves the page and the paper."""

from attncap.plots.save import save

__all__ = ["save"]
