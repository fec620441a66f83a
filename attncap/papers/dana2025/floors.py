r"""What accuracy the paper's Corollary 2 promises, the line that it calls the previous bound, and what we put beside.

A model that surely recalls $n$ of $N^2$ equally likely pairs of tokens and guesses at the others is right in

$$\frac1N + \Big(1 - \frac1N\Big) \frac{n}{N^2}.$$
"""

from collections.abc import Mapping

from attncap import bounds
from attncap.errors import UnmetError

FLOORS = ("theorem", "previous", "previous_corrected", "corrected", "random")


def floors(vocabulary: int, embedding_dim: int, head_dim: int, heads: int) -> dict[str, float | None]:
    r"""Return the floors of a layer of attention on all pairs of tokens, None where a bound does not speak of it.

    Published: Corollary 2, $n = H d_h + d$, and the previous bound, $n = H (d_h - 1) + 1$. Ours: the previous bound at
    this task (Mahdavi et al. with contexts of n = S = 2 tokens give $n = H + 1$), and the count that was measured on
    such data in place of Corollary 2's. None of them speaks of $d_h > d$: the theorem assumes $d_h \le d$, for a head
    that reads d dimensions adds no more than d.

    Example:
        >>> found = floors(vocabulary=50, embedding_dim=10, head_dim=10, heads=11)
        >>> [round(found[name], 4) for name in ("theorem", "previous", "previous_corrected", "random")]
        [0.067, 0.0592, 0.0247, 0.02]
    """
    shape = {
        "vocabulary": vocabulary,
        "context": 2,
        "embedding_dim": embedding_dim,
        "head_dim": head_dim,
        "heads": heads,
    }
    narrow = head_dim <= embedding_dim
    counts = {
        "theorem": counted("dana2025", shape),
        "previous": heads * (head_dim - 1) + 1 if narrow else None,
        "previous_corrected": counted("mahdavi2024", shape) if narrow else None,
        "corrected": counted("corrected", shape),
    }
    return {**{name: accuracy(count, vocabulary) for name, count in counts.items()}, "random": 1 / vocabulary}


def counted(bound: str, shape: Mapping[str, int]) -> float | None:
    """Return what a bound of the catalogue counts, if it speaks of such a shape."""
    try:
        return float(bounds.value(bound, **shape))
    except UnmetError:
        return None


def accuracy(count: float | int | None, vocabulary: int) -> float | None:
    """Return the accuracy of recalling so many of all pairs and guessing at the others."""
    return None if count is None else 1 / vocabulary + (1 - 1 / vocabulary) * min(1.0, count / vocabulary**2)
