"""What finding weights returns: a model with its task, shape, recall and cost."""

from attncap.fits.capacity import Capacity
from attncap.fits.count import capacity_of, check_shape, least_heads
from attncap.fits.fit import Fit, NotMemorized, counts, shortfall, summarize
from attncap.fits.found import Found
from attncap.fits.peers import Peers
from attncap.fits.per import bits_per, data_parameters
from attncap.fits.shape import LayerShape, PerceptronShape, Shape, Sizes, TokenShape

__all__ = [
    "Capacity",
    "Fit",
    "Found",
    "LayerShape",
    "NotMemorized",
    "Peers",
    "PerceptronShape",
    "Shape",
    "Sizes",
    "TokenShape",
    "bits_per",
    "capacity_of",
    "check_shape",
    "counts",
    "data_parameters",
    "least_heads",
    "shortfall",
    "summarize",
]
