"""Explicit weights that memorize a given task, verified on every item."""

from attncap.construct.associations.dana2025_theorem_1 import theorem
from attncap.construct.associations.joint_mode import joint
from attncap.construct.associations.margin_mode import margin
from attncap.construct.distributions.dana2025_theorem_1 import distribution
from attncap.construct.distributions.dana2025_theorem_2 import lookup_bound
from attncap.construct.distributions.encoder import Encoder, encode
from attncap.construct.distributions.fit import DistributionFit
from attncap.construct.distributions.frank_wolfe import lower_bound
from attncap.construct.given import Embeddings
from attncap.construct.labelled.fit import ExamplesFit
from attncap.construct.labelled.largest import ExamplesCapacity, examples_capacity
from attncap.construct.labelled.layer import examples
from attncap.construct.labelled.mahdavi2024_proposition_5 import first_layer
from attncap.construct.largest import capacity, perceptron_capacity
from attncap.construct.perceptrons.constructed import perceptron
from attncap.construct.smallest_shape import smallest
from attncap.fits import Capacity, Fit, NotMemorized, Shape, TokenShape

__all__ = [
    "Capacity",
    "DistributionFit",
    "Embeddings",
    "Encoder",
    "ExamplesCapacity",
    "ExamplesFit",
    "Fit",
    "NotMemorized",
    "Shape",
    "TokenShape",
    "capacity",
    "distribution",
    "encode",
    "examples",
    "examples_capacity",
    "first_layer",
    "joint",
    "lookup_bound",
    "lower_bound",
    "margin",
    "perceptron",
    "perceptron_capacity",
    "smallest",
    "theorem",
]
