r"""Scores chosen for the labels: one head that reads a shared context of two tokens fits d + 1 of them.

The score difference of the two tokens is $w \cdot e_t$, any linear function of the query; the head answers
$c_2 + (c_1 - c_2)\, \sigma(w \cdot e_t)$. That is $y_t$ where
$w \cdot e_t = s_t := \log(y_t - c_2) - \log(c_1 - y_t)$.

* $T \le d$ linearly independent queries: any $c_1 > \max y$, $c_2 < \min y$, and $w$ solves the linear system.
* $T = d + 1$ affinely independent queries: the system has one condition, $g(c_1, c_2) = \sum_t a_t s_t = 0$ with the
  null vector $a$ of the queries, $\sum_t a_t \ne 0$. As $c_1 \to \infty$, $g \to -\infty \cdot \sum_t a_t$, and as
  $c_2 \to -\infty$, $g \to +\infty \cdot \sum_t a_t$: there is a zero on the path between. The smaller the sum, the
  larger the values there, until float64 loses the labels.
"""

import numpy as np
import scipy.linalg
from jaxtyping import Float
from scipy.optimize import brentq

from attncap.models import AttentionLayer
from attncap.numerics.linear import minimum_norm
from attncap.tasks import Examples

# The ends of the path are e^36 times the labels' range away: at the limit of what float64 tells from infinity.
REACH = 36.0
ROUNDING = 1e-9


def chosen_heads(task: Examples, head_dim: int, heads: int) -> AttentionLayer | None:
    """Build a head for each label column, the others idle.

    Args:
        task: examples of one context of two tokens.
        head_dim: $d_h$; one dimension is used.
        heads: at least the number of label columns.

    Returns:
        The layer, or None where the tokens or the queries are dependent and the labels are not fitted by this.
    """
    first, second = task.contexts[0]
    columns, dim = task.labels.shape[1], task.embedding_dim
    if task.count > dim + 1:
        return None
    solved = [_scores(task.queries, labels) for labels in task.labels.T]
    tokens = np.stack([first, second])
    if np.linalg.matrix_rank(tokens) < 2 or any(found is None for found in solved):
        return None
    query, key = np.zeros((2, heads, head_dim, dim))
    value, output = np.zeros((heads, 1, dim)), np.zeros((heads, columns, 1))
    difference = first - second
    for head, (w, levels) in enumerate(found for found in solved if found is not None):
        query[head, 0], key[head, 0] = w, difference / (difference @ difference)
        value[head, 0], output[head, head] = np.linalg.pinv(tokens) @ levels, 1.0
    return AttentionLayer(query, key, value, output)


def _scores(
    queries: Float[np.ndarray, "T d"], labels: Float[np.ndarray, " T"]
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, "2"]] | None:
    """Return $w$ and $(c_1, c_2)$ that fit one label column."""
    least, most = float(labels.min()), float(labels.max())
    span = most - least or max(abs(most), 1.0)

    def levels(along: float) -> Float[np.ndarray, "2"]:
        above, below = span * np.exp([max(along, 0.0), max(-along, 0.0)])
        return np.array([most + above, least - below])

    def scores(along: float) -> Float[np.ndarray, " T"]:
        top, bottom = levels(along)
        return np.log(labels - bottom) - np.log(top - labels)

    null, along = scipy.linalg.null_space(queries.T), 0.0
    if null.shape[1] == 1:

        def condition(at: float) -> float:
            return float(null[:, 0] @ scores(at))

        if condition(-REACH) * condition(REACH) >= 0:
            return None
        along = float(brentq(condition, -REACH, REACH, xtol=1e-15, rtol=1e-15))
    w = minimum_norm(queries, scores(along)[:, None])[:, 0]
    wanted = scores(along)
    fitted = np.linalg.norm(queries @ w - wanted) <= ROUNDING * (1.0 + float(np.linalg.norm(wanted)))
    return (w, levels(along)) if fitted else None
