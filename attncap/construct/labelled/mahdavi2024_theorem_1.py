"""Theorem 1 of Mahdavi, Liao and Thrampoulidis: attention scores built group by group."""

import numpy as np
from jaxtyping import Float

from attncap.construct.labelled.count import group_size
from attncap.construct.labelled.features import scores_only
from attncap.construct.labelled.generic_scores import PROBE
from attncap.models import AttentionLayer
from attncap.progress import track
from attncap.tasks import Examples

# Directions drawn, of which the best is taken.
DRAWS = 64
# Scores of the chosen token above the others: softmax gives it nearly all of the weight, in any precision.
LIFT = 6.0


def theorem_heads(
    task: Examples, head_dim: int, heads: int, saturation: float, rng: np.random.Generator
) -> AttentionLayer:
    r"""Build $W_{QK}^h = V_h Q_h^+ + c\, w u_h^\top$ for groups of $\min(n, d_h) - 1$ examples a head.

    $Q_h^+ e_t$ is the unit vector of example $t$ in its group, $V_h$ lifts the score of one token of each by
    `LIFT` over its others, and $u_h$, orthogonal to the group's queries, lets $w$ act on all other examples alone.
    The proof takes $c \to \infty$; $c$ from 0 to 3 gives the same rank and keeps the precision.

    Args:
        task: the examples, at most $H(\min(n, d_h) - 1) + 1$.
        head_dim: $d_h$.
        heads: $H$.
        saturation: $c$.
        rng: draws $w$ and $u_h$.
    """
    dim = task.embedding_dim
    group = group_size(task, head_dim)
    shared = _unit_vectors(rng, DRAWS, dim)
    chosen = max(range(DRAWS), key=lambda i: _worst_gap(task, shared[i]))
    w = shared[chosen] / ((task.contexts[:PROBE] @ shared[chosen]).std() or 1.0)
    query, key = np.zeros((2, heads, head_dim, dim))
    for head in track(range(heads), "groups of examples"):
        rows = np.arange(head * group, min((head + 1) * group, task.count))
        if not len(rows):
            query[head], key[head] = rng.standard_normal((2, head_dim, dim)) / np.sqrt(dim)
            continue
        u = _blind_direction(task, rows, rng)
        query[head, : len(rows)] = np.linalg.pinv(task.queries[rows].T)
        key[head, : len(rows)] = _lifts(task, rows, w)
        query[head, -1], key[head, -1] = u, saturation * w
    return scores_only(query, key)


def _worst_gap(task: Examples, w: Float[np.ndarray, " d"]) -> float:
    """Return the smallest lead of the first token over the second along a direction."""
    top = np.sort(task.contexts[:PROBE] @ w, axis=1)[:, -2:]
    return float((top[:, -1] - top[:, 0]).min())


def _blind_direction(task: Examples, rows: np.ndarray, rng: np.random.Generator) -> Float[np.ndarray, " d"]:
    """Choose u orthogonal to the group's queries that sees every other query well."""
    basis = np.linalg.qr(task.queries[rows].T)[0]
    drawn = _unit_vectors(rng, DRAWS, task.embedding_dim)
    drawn -= (drawn @ basis) @ basis.T
    others = np.delete(task.queries, rows, axis=0)
    if not len(others):
        return drawn[0]
    seen = abs(others @ drawn.T)
    best = int(np.argmax(seen.min(axis=0)))
    return drawn[best] / (float(np.median(seen[:, best])) or 1.0)


def _lifts(task: Examples, rows: np.ndarray, w: Float[np.ndarray, " d"]) -> Float[np.ndarray, "group d"]:
    """Choose a token of each example and return the directions that lift its score above the other tokens'.

    The token is the one whose difference from the saturated token has the largest part orthogonal to the
    differences chosen before, so that the group's features are far from dependent.
    """
    lifts, basis = np.empty((len(rows), task.embedding_dim)), np.zeros((task.embedding_dim, 0))
    for at, row in enumerate(rows):
        context = task.contexts[row]
        difference = context - context[np.argmax(context @ w)]
        free = difference - (difference @ basis) @ basis.T
        token = int(np.argmax(np.linalg.norm(free, axis=1)))
        size = np.linalg.norm(free[token])
        if size > 0:
            basis = np.column_stack([basis, free[token] / size])
        lifts[at] = LIFT * np.linalg.pinv(context)[:, token]
    return lifts


def _unit_vectors(rng: np.random.Generator, count: int, dim: int) -> Float[np.ndarray, "count d"]:
    drawn = rng.standard_normal((count, dim))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
