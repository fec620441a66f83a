"""Explicit weights that memorize a given task, verified on every item."""

from attncap.construct.capacity import Capacity, capacity
from attncap.construct.certificate import lookup_bound, lower_bound
from attncap.construct.distribution import DistributionFit, distribution
from attncap.construct.encoder import Encoder, encode
from attncap.construct.examples import ExamplesCapacity, ExamplesFit, examples, examples_capacity
from attncap.construct.fit import Fit, NotMemorized, Shape
from attncap.construct.margin import margin
from attncap.construct.theorem import theorem

__all__ = [
    "Capacity",
    "DistributionFit",
    "Encoder",
    "ExamplesCapacity",
    "ExamplesFit",
    "Fit",
    "NotMemorized",
    "Shape",
    "capacity",
    "distribution",
    "encode",
    "examples",
    "examples_capacity",
    "lookup_bound",
    "lower_bound",
    "margin",
    "theorem",
]
