"""What the bounds say about examples and a layer."""

from attncap import bounds
from attncap.errors import InputError, UnmetError
from attncap.numerics.bracketing import smallest
from attncap.result import several
from attncap.tasks import Examples


def check_layer(embedding_dim: int, head_dim: int, heads: int | None) -> None:
    """Refuse a shape that no layer has.

    Raises:
        InputError: names the option, what was expected and what was got.
    """
    if heads is not None and heads < 1:
        raise InputError("heads", "at least 1", heads)
    if not 1 <= head_dim <= embedding_dim:
        raise InputError("head_dim", f"1 to the embedding dimension {embedding_dim}", head_dim)


def capacity_of(task: Examples, head_dim: int, heads: int) -> dict[str, int]:
    """Return how many examples a layer holds: by the theorem, at most with fixed scores, and with chosen ones."""
    n, d = task.context, task.embedding_dim
    narrow = {"heads": heads, "context": min(n, d), "embedding_dim": d}
    return {
        "theorem": int(bounds.value("mahdavi2024", **narrow, head_dim=head_dim)),
        "shared": int(bounds.value("mahdavi2024-shared", **narrow)),
        "features": heads * d,
        "proved": proved(task, head_dim, heads),
        "degrees_of_freedom": degrees_of_freedom(task, head_dim, heads),
    }


def least_heads(task: Examples, head_dim: int, method: str) -> int:
    """Return the fewest heads whose count reaches the task: the theorem's, or what the method holds of such data."""
    if method == "chosen" and task.context > 1:
        return smallest(lambda heads: proved(task, head_dim, heads) >= task.count) or 1
    n, d = task.context, task.embedding_dim
    if method == "theorem":
        return max(1, -(-(task.count - 1) // group_size(task, head_dim)))
    if task.shared and n > 1:
        return max(1, -(-(task.count - 1) // min(n - 1, d)))
    return -(-task.count // d)


def group_size(task: Examples, head_dim: int) -> int:
    r"""Return how many examples each head of the theorem's construction takes: $\min(n, d_h) - 1$.

    Raises:
        InputError: one token, or one dimension: the theorem counts no example a head.
    """
    least = min(task.context, head_dim)
    if least < 2:
        raise InputError("method", "lstsq, for a context or head dimension of 1", "theorem")
    return least - 1


def check_theorem(task: Examples, head_dim: int, heads: int) -> None:
    """Refuse more examples than the theorem's construction holds.

    Raises:
        UnmetError: with the number of heads that the examples take.
    """
    held = heads * group_size(task, head_dim) + 1
    if task.count > held:
        raise UnmetError(
            f"{task.name}: {several(task.count, 'example')}; by the theorem {several(heads, 'head', 'hold')} {held:,}; "
            f"give at least {several(least_heads(task, head_dim, 'theorem'), 'head')}, or method lstsq"
        )


def proved(task: Examples, head_dim: int, heads: int) -> int:
    """Return how many examples in general position chosen scores fit: pairs of heads, or one head a label column.

    Source: `attncap.construct.labelled.paired_heads` and `attncap.construct.labelled.chosen_scores`.
    """
    if task.context == 1:
        return degrees_of_freedom(task, head_dim, heads)
    paired = int(heads // 2 * _each(task, head_dim)) + heads % 2 * directions(task) + task.shared
    return max(paired, task.embedding_dim + 1) if explicit(task, heads) else paired


def degrees_of_freedom(task: Examples, head_dim: int, heads: int) -> int:
    r"""Return $H (m + r (m + d - r) / d_{out})$, one more for a shared context: the letters of `proved`'s sources.

    The answers are smooth functions of so many numbers a label column: they miss almost all labels of more examples.
    """
    if task.context == 1:  # attention to one token does not depend on the scores
        return 1 if task.shared else task.embedding_dim
    return int(heads * _each(task, head_dim)) + task.shared


def explicit(task: Examples, heads: int) -> bool:
    """Whether the explicit construction takes such examples: one context of two tokens, a head a label column."""
    return task.shared and task.context == 2 and heads >= task.labels.shape[1]


def directions(task: Examples) -> int:
    """Return in how many directions a head's averages vary: those of the context if it is shared, or all."""
    return min(task.context - 1, task.embedding_dim) if task.shared else task.embedding_dim


def _each(task: Examples, head_dim: int) -> float:
    free = directions(task)
    rank = min(head_dim, free)
    return free + rank * (free + task.embedding_dim - rank) / task.labels.shape[1]
