"""Explicit weights that memorize a given task, verified on every item."""

from attncap.construct.certificate import lookup_bound, lower_bound
from attncap.construct.distribution import DistributionFit, distribution
from attncap.construct.encoder import Encoder, encode
from attncap.construct.examples import ExamplesCapacity, ExamplesFit, examples, examples_capacity
from attncap.construct.fit import Fit, Shape
from attncap.construct.theorem import theorem

__all__ = [
    "DistributionFit",
    "Encoder",
    "ExamplesCapacity",
    "ExamplesFit",
    "Fit",
    "Shape",
    "distribution",
    "encode",
    "examples",
    "examples_capacity",
    "lookup_bound",
    "lower_bound",
    "theorem",
]
