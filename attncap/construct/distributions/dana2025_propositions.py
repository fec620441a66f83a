"""Propositions 2 and 3 of Dana, Pydi and Chevaleyre: distributions that an encoder of rank d represents exactly."""

import numpy as np

from attncap.construct.distributions import lowrank
from attncap.tasks import Distributions

RADIUS = 1e4


def circle(task: Distributions, dim: int) -> lowrank.Pair:
    """Put the tokens on a circle so wide that the softmax is deterministic to rounding (Proposition 3)."""
    size = task.vocabulary_size
    angles = 2 * np.pi * np.arange(size) / size
    points = np.zeros((size, dim))
    points[:, :2] = np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, :dim]
    gap = 1 - np.cos(2 * np.pi / size)
    return max(RADIUS, 40 / gap) * points, points[task.pi.argmax(axis=1)]


def exact(task: Distributions, dim: int) -> lowrank.Pair:
    """Factor log pi itself, whose rank once centred is at most N - 1 (Proposition 2) and at most T."""
    logits = np.log(task.pi)
    logits -= logits.mean(axis=1, keepdims=True)
    left, values, right = np.linalg.svd(logits, full_matrices=False)
    w, e = np.zeros((task.vocabulary_size, dim)), np.zeros((task.count, dim))
    rank = min(dim, len(values))
    w[:, :rank], e[:, :rank] = right[:rank].T, left[:, :rank] * values[:rank]
    return w, e
