"""What the bounds say about a task and a shape."""

from attncap import bounds
from attncap.bounds.evaluate import complete
from attncap.errors import InputError
from attncap.models.precision import storage
from attncap.tasks import Associations


def check_shape(embedding_dim: int, head_dim: int, heads: int | None, dtype: str) -> None:
    """Refuse a shape that no model has.

    Raises:
        InputError: names the option, what was expected and what was got.
    """
    storage(dtype)
    if embedding_dim < 2:
        raise InputError(f"--embedding-dim: expected at least 2, got {embedding_dim}")
    if not 1 <= head_dim <= embedding_dim:
        raise InputError(f"--head-dim: expected 1 to --embedding-dim {embedding_dim}, got {head_dim}")
    if heads is not None and heads < 1:
        raise InputError(f"--heads: expected at least 1, got {heads}")


def count(task: Associations, embedding_dim: int, head_dim: int, heads: int) -> dict[str, int]:
    """Count the associations that a shape holds: by the theorem, and by the corrected count on this data."""
    shape = {"heads": heads, "head_dim": head_dim, "embedding_dim": embedding_dim}
    return {
        "theorem": int(bounds.value("dana2025", **shape)),
        "rank": int(bounds.value("corrected", **shape, **_data(task))),
    }


def least_heads(
    bound: str, task: Associations, embedding_dim: int, head_dim: int, slack: float | int = 1
) -> int | None:
    """Return the smallest number of heads for which a bound reaches ``slack`` times the task.

    Args:
        bound: id of a bound that does not fall with the number of heads, such as "corrected" or "margin".
        task: what is to be memorized.
        embedding_dim: $d$.
        head_dim: $d_h$.
        slack: how much more than the task's associations the bound must reach.

    Returns:
        The number; 1 where more heads do not raise the bound and it reaches the task, None where it does not.

    Raises:
        UnmetError: an assumption of the bound fails on this task.
    """
    shape = complete({"head_dim": head_dim, "embedding_dim": embedding_dim, **_data(task)})
    alone, two = (bounds.value(bound, heads=heads, **shape) for heads in (1, 2))
    if alone >= slack * task.associations:
        return 1
    if alone == two:
        return 1 if alone >= task.associations else None
    return bounds.CATALOGUE[bound].invert(slack * task.associations, shape, "heads")


def _data(task: Associations) -> dict[str, int]:
    return {
        "vocabulary": task.vocabulary_size,
        "context": task.context,
        "data_rank": task.data_rank,
        "queries": task.queries,
    }
