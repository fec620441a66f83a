"""The optimizers by name: what they make of a gradient before the learning rate scales it."""

from collections.abc import Callable

import optax

from attncap.train.soap import scale_by_soap

OPTIMIZERS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "adam": optax.scale_by_adam,
    "nadam": lambda: optax.scale_by_adam(nesterov=True),
    "adan": optax.scale_by_adan,
    "lion": optax.scale_by_lion,
    "soap": scale_by_soap,
}
