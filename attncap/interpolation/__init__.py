"""Predicted and simulated in-context memorization (interpolation) error of nonlinear attention."""

from attncap.interpolation.activations import NAMED, Activation, activation, softmax
from attncap.interpolation.heads import Attention, Head
from attncap.interpolation.limit import predict
from attncap.interpolation.prediction import Interpolation, LimitWarning, Simulated, error
from attncap.interpolation.regression import linear_regression
from attncap.interpolation.spectrum import resolvent, spectral_density

__all__ = [
    "NAMED",
    "Activation",
    "Attention",
    "Head",
    "Interpolation",
    "LimitWarning",
    "Simulated",
    "activation",
    "error",
    "linear_regression",
    "predict",
    "resolvent",
    "softmax",
    "spectral_density",
]
