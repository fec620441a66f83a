"""Trained capacity: what gradient descent memorizes."""

from attncap.train.associations.architecture import Architecture
from attncap.train.associations.ensembles import Ensemble, ensemble
from attncap.train.associations.largest import TrainedCapacity, capacity
from attncap.train.associations.until_recalled import memorize
from attncap.train.loop.recipes import BEST, PAPER, RECIPES, Recipe

__all__ = [
    "BEST",
    "PAPER",
    "RECIPES",
    "Architecture",
    "Ensemble",
    "Recipe",
    "TrainedCapacity",
    "capacity",
    "ensemble",
    "memorize",
]
