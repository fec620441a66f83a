"""Attention scores for examples, drawn at random."""

import numpy as np

from attncap.construct.labelled.features import scores_only
from attncap.models import AttentionLayer
from attncap.tasks import Examples

# So many examples set the scale of the scores.
PROBE = 512
FLAT = 1e-12


def generic_heads(task: Examples, head_dim: int, heads: int, beta: float, rng: np.random.Generator) -> AttentionLayer:
    r"""Draw Gaussian $W_Q^h, W_K^h$, scaled so that each head's scores have standard deviation $\beta$ on the task."""
    dim = task.embedding_dim
    query, key = rng.standard_normal((2, heads, head_dim, dim))
    asked = np.einsum("td,hkd->htk", task.queries[:PROBE], query, optimize=True) @ key
    scores = np.einsum("htd,tnd->htn", asked, task.contexts[:PROBE], optimize=True)
    # A softmax does not see what all tokens share.
    spread = (scores - scores.mean(axis=2, keepdims=True)).std(axis=(1, 2))
    # Where all tokens score alike (one token, equal ones, a query of zeros) there is nothing to scale.
    flat = spread <= FLAT * abs(scores).max(axis=(1, 2))
    query *= np.divide(beta, spread, out=np.ones(heads), where=~flat)[:, None, None]
    return scores_only(query, key)
