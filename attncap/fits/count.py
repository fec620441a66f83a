"""What the bounds say about a task and a shape."""

import numpy as np

from attncap import bounds
from attncap.bounds.values import complete
from attncap.constraints import Count, checked
from attncap.errors import InputError
from attncap.fits.fit import NotMemorized
from attncap.models.precision import StoredName, storage
from attncap.numerics.memory import require
from attncap.result import several
from attncap.tasks import Associations


@checked
def check_shape(
    embedding_dim: Count, head_dim: Count, heads: Count | None, dtype: StoredName, query_key_rank: Count | None = None
) -> None:
    """Refuse a shape that no model has.

    Raises:
        InputError: names the option, what was expected and what was got.
        UnmetError: no memory holds its heads.
    """
    storage(dtype)
    if embedding_dim < 2:
        raise InputError("embedding_dim", "at least 2", embedding_dim)
    if not 1 <= head_dim <= embedding_dim:
        raise InputError("head_dim", f"1 to the embedding dimension {embedding_dim}", head_dim)
    if heads is not None and heads < 1:
        raise InputError("heads", "at least 1", heads)
    if query_key_rank is not None and not 1 <= query_key_rank <= head_dim:
        raise InputError("query_key_rank", f"1 to the head dimension {head_dim}", query_key_rank)
    # Queries, keys, values and outputs of every head, in float64.
    many = heads or 1
    require(32.0 * many * head_dim * embedding_dim, f"a model of {many:,} x {head_dim:,} x {embedding_dim:,}")


@checked
def capacity_of(task: Associations, embedding_dim: Count, head_dim: Count, heads: Count) -> dict[str, int]:
    """Return how many associations a shape holds: by the theorem, and by the corrected count on this task."""
    shape = {"heads": heads, "head_dim": head_dim, "embedding_dim": embedding_dim}
    return {
        "theorem": int(bounds.value("dana2025", **shape)),
        "rank": int(bounds.value("corrected", **shape, **_data(task))),
    }


@checked
def least_heads(
    task: Associations, embedding_dim: Count, head_dim: Count, slack: float | int = 1, bound: str = "corrected"
) -> int:
    """Return the fewest heads whose count is ``slack`` times the task's associations.

    Args:
        task: what is to be memorized.
        embedding_dim: $d$.
        head_dim: $d_h$.
        slack: how much more than the task's associations the count must reach, where heads raise it.
        bound: id of the bound that counts: "corrected", or "margin", a measured law that is extrapolated outside
            its range: where to begin, not what is promised.

    Raises:
        NotMemorized: no number of heads reaches the task.
    """
    shape = complete({"head_dim": head_dim, "embedding_dim": embedding_dim, **_data(task)})
    alone, two = (bounds.value("corrected", **{**shape, "heads": heads}) for heads in (1, 2))
    if alone == two and alone < task.associations:
        raise NotMemorized(
            f"{task.name}: sequences of {task.context} token(s) reach {several(int(alone), 'association')} at "
            f"embedding dimension {embedding_dim} with any number of heads, and it has {task.associations:,}; "
            "give a larger embedding dimension, or method margin"
        )
    if alone >= slack * task.associations or alone == two:
        return 1
    return bounds.CATALOGUE[bound].invert(slack * task.associations, shape, "heads", extrapolate=bound == "margin")


def _data(task: Associations) -> dict[str, int]:
    return {
        "vocabulary": task.vocabulary_size,
        "context": task.context,
        "data_rank": task.data_rank,
        "queries": task.queries,
        # One answer alone has nobody to lead.
        "answers": max(2, len(np.unique(task.answers))),
    }
