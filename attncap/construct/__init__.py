"""Explicit weights that memorize a given task, verified on every item."""

from attncap.construct.certificate import lower_bound
from attncap.construct.encoder import Encoder, encode
from attncap.construct.examples import ExamplesCapacity, ExamplesFit, examples, examples_capacity
from attncap.construct.fit import Fit, Shape
from attncap.construct.theorem import theorem

__all__ = [
    "Encoder",
    "ExamplesCapacity",
    "ExamplesFit",
    "Fit",
    "Shape",
    "encode",
    "examples",
    "examples_capacity",
    "lower_bound",
    "theorem",
]
