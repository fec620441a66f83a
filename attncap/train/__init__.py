"""Trained capacity: what gradient descent memorizes."""

from attncap.train.associations.architecture import Architecture
from attncap.train.associations.ensembles import Ensemble, ensemble
from attncap.train.associations.largest import TrainedCapacity, capacity
from attncap.train.associations.until_recalled import memorize
from attncap.train.labelled.architecture import LayerArchitecture
from attncap.train.labelled.largest import TrainedExamplesCapacity, trained_examples_capacity
from attncap.train.labelled.layers import LayerEnsemble
from attncap.train.labelled.layers import layers as examples
from attncap.train.loop.recipes import BEST, PAPER, RECIPES, Recipe

__all__ = [
    "BEST",
    "PAPER",
    "RECIPES",
    "Architecture",
    "Ensemble",
    "LayerArchitecture",
    "LayerEnsemble",
    "Recipe",
    "TrainedCapacity",
    "TrainedExamplesCapacity",
    "capacity",
    "ensemble",
    "examples",
    "memorize",
    "trained_examples_capacity",
]
