r"""Heads in pairs of equal scores and opposite readouts: fitting scores and readout starts as a linear problem.

A pair with readouts $\pm A c$ answers zero. Moved apart by $\pm \delta / 2A$, its queries answer
$A c \cdot (a(W + \delta/2A) - a(W - \delta/2A))$, which tends to the linear function $\nabla_W (c \cdot a)\, \delta$
as $A \to \infty$, uniformly on bounded sets. If this tangent map, with the readout's own features, has rank $T$, it
reaches any labels, and so does the layer for some finite $A$ (Brouwer). Its rank, for almost every draw what it is for
one, is measured: with $m = \min(n - 1, d)$ directions of a shared context ($d$ of distinct ones), $r = \min(d_h, m)$
and $d_{out}$ label columns it is $m + r (m + d - r) / d_{out}$ a pair, and one more for a shared context.
"""

import numpy as np

from attncap.construct.labelled.count import directions
from attncap.construct.labelled.generic_scores import generic_heads
from attncap.construct.labelled.least_squares import fit_everything
from attncap.measure.examples import predicted, residual
from attncap.models import AttentionLayer
from attncap.tasks import Examples

# Readouts of the pairs against the labels: the smallest for which the descent arrives keeps the most precision.
AMPLITUDES = (1.0, 4.0, 16.0, 64.0)
STARTS = 4
# Random starts want soft attention: where it is hard already, its derivatives vanish.
SOFT = 0.3
FITTED = 1e-12


def fitted_heads(
    task: Examples, head_dim: int, heads: int, beta: float, rng: np.random.Generator, paired: bool
) -> AttentionLayer:
    """Fit scores and readout by least squares, from pairs of heads or from independent ones.

    Args:
        task: the examples.
        head_dim: $d_h$.
        heads: $H$.
        beta: standard deviation of the scores of pairs at the start.
        rng: of the start.
        paired: start from pairs, where every start arrives if its readouts are large enough; else the starts are
            random, and arrive or not.

    Returns:
        The layer of the smallest residual found.
    """
    free = ("query", "value") if head_dim >= directions(task) else ("query", "key", "value")
    best, reached = None, np.inf
    for amplitude in AMPLITUDES if paired else (1.0,) * STARTS:
        start = _start(task, head_dim, heads, beta if paired else SOFT, rng, amplitude, paired)
        layer = fit_everything(start, task, free)
        found = residual(predicted(layer, task.contexts, task.queries), task.labels)
        if best is None or found < reached:
            best, reached = layer, found
        if reached <= FITTED:
            break
    assert best is not None
    return best


def _start(
    task: Examples, head_dim: int, heads: int, beta: float, rng: np.random.Generator, amplitude: float, paired: bool
) -> AttentionLayer:
    out = task.labels.shape[1]
    drawn = generic_heads(task, head_dim, -(-heads // 2) if paired else heads, beta, rng)
    tokens = (task.contexts**2).sum(axis=2).mean() or 1.0
    size = amplitude * np.sqrt((task.labels**2).mean() / tokens)
    readout = size * rng.standard_normal((len(drawn.query), out, task.embedding_dim))
    query, key = drawn.query, drawn.key
    if paired:
        query, key, readout = (
            np.concatenate([tensor, sign * tensor[: heads // 2]])
            for tensor, sign in ((query, 1), (key, 1), (readout, -1))
        )
        if heads % 2:
            readout[heads // 2] = 0.0
    return AttentionLayer(query, key, readout, np.broadcast_to(np.eye(out), (heads, out, out)).copy())
