"""Proposition 5 of Mahdavi, Liao and Thrampoulidis: a trivial first layer that tells equal queries apart."""

from dataclasses import replace

import numpy as np

from attncap.constraints import checked
from attncap.measure.examples import predicted
from attncap.models import AttentionLayer
from attncap.numerics.rank import rank
from attncap.tasks import Examples


@checked
def first_layer(task: Examples) -> Examples:
    r"""Run examples through one attention layer with a skip connection and $W_Q = W_K = 0$, $W_V = W_O = I$.

    Its attention is uniform, so that every vector gains the mean of its context,

    $$e_t \leftarrow e_t + \bar E_t, \qquad E_t \leftarrow E_t + \mathbf 1 \bar E_t^\top, \qquad
    \bar E_t = \tfrac1n E_t^\top \mathbf 1 .$$

    Queries that are all one class token become as different as the contexts are: if the $e_t + \bar E_t$ have Kruskal
    rank at least $n$ (Assumption 3), they satisfy Assumption 1 of Theorem 1. The contexts keep their rank
    (Assumption 2), as $I + \mathbf 1 \mathbf 1^\top / n$ is invertible. A second layer then memorizes what
    `attncap.construct.examples` finds for the task returned.

    Args:
        task: the examples.

    Returns:
        The examples as the second layer sees them; its notes say the rank of the queries before and after, which the
        Kruskal rank does not exceed.

    Example:
        >>> from attncap import construct, tasks
        >>> task = tasks.random_examples(31, context=4, embedding_dim=8)
        >>> token = replace(task, queries=np.ones((31, 8)))
        >>> seen = first_layer(token)
        >>> seen.notes
        ('a first layer of uniform attention raised the rank of the queries from 1 to 8',)
        >>> construct.examples(seen, method="theorem").shape.heads
        10

    Source: Mahdavi, Liao, Thrampoulidis 2024, Proposition 5 and Assumption 3 (arXiv 2306.02010).
    """
    zero, identity = np.zeros((1, 1, task.embedding_dim)), np.eye(task.embedding_dim)[None]
    mean = predicted(AttentionLayer(zero, zero, identity, identity), task.contexts, task.queries)
    shared = task.contexts.strides[0] == 0
    contexts = (
        np.broadcast_to(task.contexts[0] + mean[0], task.contexts.shape) if shared else task.contexts + mean[:, None]
    )
    queries = task.queries + mean
    ranks = f"from {rank(task.queries)} to {rank(queries)}"
    note = f"a first layer of uniform attention raised the rank of the queries {ranks}"
    return replace(task, contexts=contexts, queries=queries, notes=(*task.notes, note))
