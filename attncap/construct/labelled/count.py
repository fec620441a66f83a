"""What the bounds say about examples and a layer."""

from attncap import bounds
from attncap.errors import InputError, UnmetError
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
    """Return how many examples a layer holds: by the theorem, and the most that fixed scores can."""
    n, d = task.context, task.embedding_dim
    narrow = {"heads": heads, "context": min(n, d), "embedding_dim": d}
    return {
        "theorem": int(bounds.value("mahdavi2024", **narrow, head_dim=head_dim)),
        "shared": int(bounds.value("mahdavi2024-shared", **narrow)),
        "features": heads * d,
    }


def least_heads(task: Examples, head_dim: int, method: str) -> int:
    """Return the fewest heads whose count reaches the task: the theorem's, or that of random scores on such data."""
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
            f"{task.name}: {task.count:,} examples; {heads} heads hold {held:,} by the theorem; give at least "
            f"{least_heads(task, head_dim, 'theorem')} heads, or method lstsq"
        )
