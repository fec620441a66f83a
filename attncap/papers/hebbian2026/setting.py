r"""The experiment: $F$ facts between given embeddings, and what the authors' code needs for them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from attncap import tasks
from attncap.construct import Embeddings
from attncap.tasks import Associations

# d and the numbers of facts: d^2/4, d^2/2 and d^2.
SIZES = {16: (64, 128, 256), 32: (256, 512, 1024), 64: (1024, 2048, 4096)}
SOURCE = "the authors' code (HazyResearch/hebbian-mlps) run at these sizes, seeds 42 and 43, mean"
# Parameters of the smallest layer with 100 % recall; None: no width has it.
PUBLISHED: dict[str, dict[tuple[int, int], int | None]] = {
    "random bilinear, ridge": {
        (16, 64): 2448, (16, 128): 4536, (16, 256): None, (32, 256): 14592, (32, 512): 31248, (32, 1024): None,
        (64, 1024): 95904, (64, 2048): 192096, (64, 4096): None,
    },
    "data-dependent bilinear, ridge": {
        (16, 64): 1176, (16, 128): 2760, (16, 256): None, (32, 256): 6432, (32, 512): 17616, (32, 1024): None,
        (64, 1024): 38016, (64, 2048): 83808, (64, 4096): 353664,
    },
    "gradient descent": {
        (16, 64): 240, (16, 128): 432, (16, 256): 1008, (32, 256): 960, (32, 512): 2016, (32, 1024): 4752,
        (64, 1024): 4416,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One way of finding the smallest layer.

    Attributes:
        label: for people.
        layer: attention or perceptron.
        how: constructed (readout alone), descended (the layer, L-BFGS) or trained (the layer, gradient descent).
        method: of `attncap.construct`; empty where it is trained.
        options: what it takes beside task, shape and embeddings.
    """

    label: str
    layer: str
    how: str
    method: str
    options: dict[str, Any]


SERIES = {
    series.label: series
    for series in (
        Series(
            "perceptron: bilinear, least squares", "perceptron", "constructed", "theorem", {"activation": "identity"}
        ),
        Series("perceptron: gated, logistic readout", "perceptron", "constructed", "margin", {}),
        Series(
            "attention: rank-1 scores, logistic readout", "attention", "constructed", "margin", {"query_key_rank": 1}
        ),
        Series("perceptron: whole layer, L-BFGS", "perceptron", "descended", "joint", {}),
        Series("attention: whole layer, L-BFGS", "attention", "descended", "joint", {}),
        Series("perceptron: whole layer, gradient descent", "perceptron", "trained", "", {}),
        Series("attention: whole layer, gradient descent", "attention", "trained", "", {}),
    )
}


def facts(embedding_dim: int, count: int, seed: int, *, relation: bool) -> tuple[Associations, Embeddings]:
    r"""Draw a permutation of $F$ isotropic unit vectors, each key the value of another.

    Args:
        embedding_dim: $d$.
        count: $F$.
        seed: of vectors and permutation.
        relation: whether a fact is the sequence (relation, subject), as attention reads it, or its subject alone. The
            relation has a vector of its own, and a row of zeros as an answer.

    Returns:
        The task and its embeddings, the same vectors for both.

    Example:
        >>> task, given = facts(16, 64, 42, relation=True)
        >>> task.associations, task.context, given.embedding.shape
        (64, 2, (65, 16))
    """
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count + 1, embedding_dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    answers, subjects = rng.permutation(count), np.arange(count)
    name = f"facts:{embedding_dim},{count}"
    if not relation:
        vectors = vectors[:count]
        return tasks.associations(subjects[:, None], answers, count, name=name), Embeddings(vectors, vectors)
    sequences = np.stack([np.full(count, count), subjects], axis=1)
    asked = np.concatenate([vectors[:count], np.zeros((1, embedding_dim))])
    return tasks.associations(sequences, answers, count + 1, name=name), Embeddings(vectors, asked)


def bits(count: int) -> float:
    r"""Return $F \log_2 F$."""
    return float(count * np.log2(count))
