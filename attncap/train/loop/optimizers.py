"""The optimizers by name: what they make of a gradient before the learning rate scales it.

They see the models of a pack stacked, so each must treat every number, or every matrix of a stack, alone.
"""

from collections.abc import Callable
from functools import partial

import jax
import optax
from optax.contrib import MuonDimensionNumbers, scale_by_muon

from attncap.train.loop.soap import scale_by_soap


def muon() -> optax.GradientTransformation:
    """Return Muon with the last two axes as the matrix."""

    def last_two(tensors: optax.Params) -> optax.Params:
        return jax.tree.map(lambda x: MuonDimensionNumbers(x.ndim - 1, x.ndim - 2), tensors)

    return scale_by_muon(weight_dimension_numbers=last_two)


OPTIMIZERS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "adam": optax.scale_by_adam,
    "nadam": lambda: optax.scale_by_adam(nesterov=True),
    "adan": optax.scale_by_adan,
    "lion": optax.scale_by_lion,
    "muon": muon,
    "soap": scale_by_soap,
    # Bases that follow the gradients more closely, at more time per step.
    "soap-4": partial(scale_by_soap, every=4),
}
