r"""The smallest step of an encoding after which an answer leads."""

import numpy as np
import scipy.optimize
from jaxtyping import Float, Int

# Half-spaces that a round adds, the most violated first, and rounds.
ADDED, ROUNDS = 64, 50
SLACK = 1e-6


def smallest_step(
    encoding: Float[np.ndarray, " d"],
    unembedding: Float[np.ndarray, "N d"],
    answer: int,
    margin: float,
    rivals: Int[np.ndarray, " n"],
) -> Float[np.ndarray, " d"] | None:
    r"""Return the shortest $\delta$ with $(u_y - u_j) \cdot (e + \delta) \ge m$ for all rivals $j$.

    The half-spaces that are violated are taken in, round by round; the least distance to their intersection is a
    non-negative least squares problem.

    Args:
        encoding: $e$.
        unembedding: $u$, one row a token.
        answer: $y$.
        margin: $m$, in logits.
        rivals: the tokens that it is to lead.

    Returns:
        $\delta$; None where no encoding makes this answer lead.

    Example:
        >>> smallest_step(np.zeros(2), np.eye(2), 0, 1.0, np.array([0, 1])).round(3)
        array([ 0.5, -0.5])

    Source: Lawson and Hanson 1974, "Solving Least Squares Problems", chapter 23 (problem LDP).
    """
    normals = unembedding[answer] - unembedding[rivals[rivals != answer]]
    step, taken = np.zeros_like(encoding), np.empty(0, dtype=np.int64)
    for _ in range(ROUNDS):
        lacking = margin - normals @ (encoding + step)
        violated = np.flatnonzero(lacking > SLACK * margin / 2)
        if not len(violated):
            return step
        taken = np.union1d(taken, violated[np.argsort(-lacking[violated])[:ADDED]])
        found = _nearest(normals[taken], (1 + SLACK) * margin - normals[taken] @ encoding)
        if found is None:
            return None
        step = found
    return None


def _nearest(normals: Float[np.ndarray, "n d"], wanted: Float[np.ndarray, " n"]) -> Float[np.ndarray, " d"] | None:
    """Return the shortest vector whose products with the normals are at least those wanted."""
    size = np.abs(wanted).max()
    system = np.vstack([normals.T, wanted / size])
    goal = np.zeros(len(system))
    goal[-1] = 1.0
    try:
        weights, _ = scipy.optimize.nnls(system, goal)
    except RuntimeError:
        return None
    residual = system @ weights - goal
    return None if -residual[-1] < 1e-12 else -size * residual[:-1] / residual[-1]
