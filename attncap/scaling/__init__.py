r"""Scaling laws: how accuracy, associations or bits grow with heads, dimensions or parameters.

A law $f(x; \theta)$ is fitted to measured points, compared with the others by AICc and nested F-tests, and each
parameter given with its interval. Accuracies are counts out of $T$ and can be fitted by their binomial likelihood.
"""

from attncap.scaling.fitting import before_saturation, fit
from attncap.scaling.laws import LAWS, Law
from attncap.scaling.results import Fitted, Scaling, ScalingWarning

__all__ = ["LAWS", "Fitted", "Law", "Scaling", "ScalingWarning", "before_saturation", "fit"]
