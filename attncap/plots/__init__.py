"""Figures: one Altair chart serves the page and the paper."""

from attncap.plots.attribution import attribution_chart
from attncap.plots.audit import audit_chart
from attncap.plots.bottleneck import softmax_bottleneck
from attncap.plots.capacity import capacity_check
from attncap.plots.front import front_chart
from attncap.plots.live import interactive, runtime, style
from attncap.plots.output import check_drawable, save
from attncap.plots.plan import plan_chart
from attncap.plots.training import layers_chart, training_chart

__all__ = [
    "attribution_chart",
    "audit_chart",
    "capacity_check",
    "check_drawable",
    "front_chart",
    "interactive",
    "layers_chart",
    "plan_chart",
    "runtime",
    "save",
    "softmax_bottleneck",
    "style",
    "training_chart",
]
