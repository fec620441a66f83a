"""Trained capacity: what gradient descent memorizes."""

from attncap.train.architecture import Architecture
from attncap.train.capacity import TrainedCapacity, capacity
from attncap.train.ensemble import Ensemble, ensemble
from attncap.train.memorize import memorize
from attncap.train.recipes import BEST, PAPER, RECIPES, Recipe

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
