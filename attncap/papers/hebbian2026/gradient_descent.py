"""The authors' gradient descent: Adam over the layer, all facts at once, a cosine from 1e-3 to 1e-6."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attncap.construct import Embeddings
from attncap.construct.associations.joint_descent import whole as whole_attention
from attncap.construct.associations.joint_mode import GIVEN, untrained
from attncap.construct.associations.readout import Problem
from attncap.construct.flattened import Flattened
from attncap.construct.perceptrons.descent import LAYER, whole
from attncap.construct.perceptrons.units import draw
from attncap.numerics.adam import adam
from attncap.tasks import Associations

STEPS, RATE, LEAST, CUTOFF = 10_000, 1e-3, 1e-6, 1e-7
SECOND, EPSILON = 0.999, 1e-8


@dataclass(frozen=True)
class Trained:
    """What gradient descent came to.

    Attributes:
        first: the steps after which every answer was right for the first time; None if it never was.
        steps: taken.
        margin: the smallest at the end, in logits.
    """

    first: int | None
    steps: int
    margin: float


def trained(
    task: Associations,
    embeddings: Embeddings,
    layer: str,
    width: int,
    seed: int,
    *,
    steps: int = STEPS,
    stop: bool = True,
) -> Trained:
    """Train a layer between given embeddings by the authors' recipe.

    Args:
        task: the facts.
        embeddings: theirs.
        layer: "perceptron" (bilinear units, uniform weights within 1/sqrt(inputs), as the authors draw them) or
            "attention" (heads of one dimension, drawn as for its descent).
        width: units or heads.
        seed: of the weights.
        steps: of the cosine.
        stop: whether the first step with every answer right is the last.

    Example:
        >>> from attncap.papers.hebbian2026.setting import facts
        >>> found = trained(*facts(8, 16, 42, relation=False), "perceptron", 8, 0)
        >>> found.first == found.steps > 0, found.margin > 0
        (True, True)
    """
    problem, scale = _posed(task, embeddings, layer, width, seed)

    def objective(weights: Float[np.ndarray, " P"]) -> tuple[float, np.ndarray, float]:
        loss, gradient, margin = problem.objective(weights / scale)
        return loss, gradient / scale, margin

    rates = LEAST + (RATE - LEAST) * (1 + np.cos(np.pi * np.arange(steps + 1) / steps)) / 2
    first = None
    for taken, step in enumerate(adam(objective, scale * problem.start, rates, SECOND, EPSILON)):
        first = taken if first is None and step.margin > 0 else first
        if step.loss <= CUTOFF or (stop and first is not None):
            break
    return Trained(first, taken, step.margin)


def _posed(
    task: Associations, embeddings: Embeddings, layer: str, width: int, seed: int
) -> tuple[Problem, Float[np.ndarray, " P"]]:
    places = np.arange(task.vocabulary_size), task.answers
    if layer == "attention":
        attention = untrained(task, embeddings.dim, 1, width, 1, seed, embeddings)
        free = {name: tensor for name, tensor in attention.tensors().items() if name not in GIVEN}
        problem: Problem = whole_attention(attention, task, *places, "float32", GIVEN)
    else:
        drawn = draw(task, embeddings.dim, width, "identity", seed, embeddings)
        rng = np.random.default_rng(seed)
        free = {
            name: rng.uniform(-1, 1, getattr(drawn, name).shape) / np.sqrt(width if name == "down" else embeddings.dim)
            for name in LAYER
        }
        model = type(drawn)(**drawn.tensors() | free, activation="identity")
        problem = whole(model, task, *places, "float32", given=True)
    problem.refresh(problem.start)
    scales = Flattened(free, "float32").scales
    return problem, np.concatenate([np.full(tensor.size, scales[name]) for name, tensor in free.items()])
