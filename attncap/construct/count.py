"""What the corrected count says about a task and a shape."""

from attncap import bounds
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


def data(task: Associations) -> dict[str, int]:
    """Return the quantities of the bounds that a task determines."""
    return {
        "vocabulary": task.vocabulary_size,
        "context": task.context,
        "data_rank": task.data_rank,
        "queries": task.queries,
    }


def capacity(task: Associations, embedding_dim: int, head_dim: int, heads: int) -> dict[str, int]:
    """Count the associations that a shape holds: by the theorem, and by the corrected count on this data."""
    shape = {"heads": heads, "head_dim": head_dim, "embedding_dim": embedding_dim}
    return {
        "theorem": int(bounds.value("dana2025", **shape)),
        "rank": int(bounds.value("corrected", **shape, **data(task))),
    }
