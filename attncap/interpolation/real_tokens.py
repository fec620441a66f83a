"""The interpolation error on real vectors: their units, Gaussians of the same moments, and the error measured."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from attncap.data.vectors import Classes
from attncap.interpolation.activations import Activation
from attncap.interpolation.prediction import error
from attncap.interpolation.simulate import attend, interpolation_error, labels
from attncap.progress import track

Draw = Callable[[np.random.Generator, int], Classes]


def standardise(classes: Classes, whiten: bool) -> tuple[Classes, Draw, float, float]:
    """Return the vectors in the theory's units, Gaussians of the same moments, the SNR and the effective dimension."""
    means = [each.mean(axis=0) for each in classes]
    centred = np.concatenate([each - mean for each, mean in zip(classes, means, strict=True)])
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    values = np.maximum(values, 1e-10 * values[-1])
    scale = 1 / np.sqrt(values) if whiten else np.full(len(values), 1 / np.sqrt(values.mean()))
    change = vectors * scale
    middle, half = (means[0] + means[1]) / 2, (means[0] - means[1]) / 2
    mean, deviation = half @ change, np.sqrt(values) * scale
    ready = ((classes[0] - middle) @ change, (classes[1] - middle) @ change)

    def surrogate(rng: np.random.Generator, count: int) -> Classes:
        noise = rng.standard_normal((2, count, len(mean))) * deviation
        return noise[0] + mean, noise[1] - mean

    power = deviation**2
    return ready, surrogate, float(mean @ mean), float(power.sum() ** 2 / (power**2).sum())


def pick(classes: Classes, rng: np.random.Generator, count: int) -> Classes:
    """Draw tokens of each class without replacement."""
    return classes[0][rng.permutation(len(classes[0]))[:count]], classes[1][rng.permutation(len(classes[1]))[:count]]


def errors_on(
    source: Draw,
    activation: str | Activation,
    ridges: Float[np.ndarray, " ridges"],
    *,
    tokens: int,
    draws: int,
    seed: int,
) -> Float[np.ndarray, "draws ridges"]:
    """Measure the interpolation error of one head, its diagonal zero, on tokens drawn from a source.

    Args:
        source: draws so many tokens of each of the two classes.
        activation: f.
        ridges: ridges of the probe.
        tokens: n, of both classes together.
        draws: how many independent draws.
        seed: of every draw.
    """
    attention = error(activation, ratio=1.0, ridge=1.0).attention
    assert attention is not None
    errors = []
    for draw in track(range(draws), "measure"):
        rng = np.random.default_rng([seed, draw])
        data = np.concatenate(source(rng, tokens // 2)).T
        errors.append(interpolation_error(attend(attention, data, rng), labels(tokens), ridges))
    return np.array(errors)
