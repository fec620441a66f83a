r"""The prior over answers that bits are counted against: fixed before the answers are drawn.

A histogram of the answers themselves is no such prior: six distinct answers of one relation and a fixed confident
model would save 39 times more than chance allows. What is fixed is which answers a relation has, not who has them;
so they are sent without replacement, $q_t(v) = n_v / n$ with $n_v$ of the $n$ answers still to come.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln

LN2 = float(np.log(2.0))
# Orders of sending that a code is averaged over, and the seed that fixes them.
ORDERS, SEED = 64, 0


def expected_surprisal(groups: Int[np.ndarray, " T"], answers: Int[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    r"""Return $-\log_2 q_t(y_t)$, the mean over all orders of sending a group's answers without replacement.

    $$\frac{\log_2 n!}{n} - \frac{\log_2 n_v!}{n_v}, \qquad
      \text{which sums to } \log_2 \binom{n}{n_1, n_2, \dots} \text{ over a group}$$

    Args:
        groups: the group of each row.
        answers: its answer.

    Returns:
        Bits, (T,).

    Example:
        >>> round(float(expected_surprisal(np.array([0, 0, 0, 0]), np.array([1, 1, 1, 2])).sum()), 9)
        2.0
    """
    whole, same = (_counts(keys) for keys in (groups, _pairs(groups, answers)))
    return (gammaln(whole + 1) / whole - gammaln(same + 1) / same) / LN2


def sequential_surprisal(
    groups: Int[np.ndarray, " T"], answers: Int[np.ndarray, " T"], orders: int = ORDERS, seed: int = SEED
) -> Float[np.ndarray, "orders T"]:
    r"""Return $-\log_2 q_t(y_t)$ in several random orders of sending a group's answers without replacement.

    Over a group the bits sum to $\log_2 \binom{n}{n_1, n_2, \dots}$ in every order.

    Args:
        groups: the group of each row.
        answers: its answer.
        orders: how many.
        seed: of the orders.

    Returns:
        Bits, one row an order.

    Example:
        >>> sequential_surprisal(np.array([0, 0, 1]), np.array([5, 6, 5]), orders=2).sum(axis=1)
        array([1., 1.])
    """
    pairs, rng = _pairs(groups, answers), np.random.default_rng(seed)
    turns = rng.random((orders, len(groups)))
    return np.array([np.log2(_places(groups, turn)) - np.log2(_places(pairs, turn)) for turn in turns])


def _pairs(groups: Int[np.ndarray, " T"], answers: Int[np.ndarray, " T"]) -> Int[np.ndarray, " T"]:
    return groups.astype(np.int64) * (int(answers.max(initial=0)) + 1) + answers


def _counts(keys: Int[np.ndarray, " T"]) -> Int[np.ndarray, " T"]:
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[inverse]


def _places(keys: Int[np.ndarray, " T"], turn: Float[np.ndarray, " T"]) -> Int[np.ndarray, " T"]:
    """Return how many rows of the same key are still to come, itself included, when the largest turn goes first."""
    order = np.lexsort((turn, keys))
    ordered = keys[order]
    places = np.empty(len(keys), dtype=np.int64)
    places[order] = np.arange(len(keys)) - np.searchsorted(ordered, ordered) + 1
    return places
