"""Figures: one Altair chart serves the page and the paper."""

from attncap.plots.bottleneck import softmax_bottleneck
from attncap.plots.capacity import capacity_check
from attncap.plots.plan import plan_chart
from attncap.plots.save import save

__all__ = ["capacity_check", "plan_chart", "save", "softmax_bottleneck"]
