"""Explicit weights that memorize a given task, verified on every item."""

from attncap.construct.certificate import lower_bound
from attncap.construct.encoder import Encoder, encode
from attncap.construct.fit import Fit, Shape
from attncap.construct.theorem import theorem

__all__ = ["Encoder", "Fit", "Shape", "encode", "lower_bound", "theorem"]
