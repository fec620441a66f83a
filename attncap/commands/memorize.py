"""Find weights that memorize a task."""

from typing import Literal

from attncap import construct, tasks
from attncap.construct import Fit


def memorize(
    source: str,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    context: int | None = None,
    on_conflict: Literal["error", "first"] = "error",
    embedding_dim: int = 64,
    head_dim: int | None = None,
    heads: int | None = None,
    dtype: str = "float32",
    seed: int = 0,
) -> Fit:
    """Construct weights that memorize a task, as ``attncap memorize`` does, and keep the numbers only.

    Args:
        source: a named table, a file, or ``random:N,S,T`` (see `attncap.tasks.load`).
        subject: column of the subjects.
        relation: column of the relations.
        object: column of the answers.
        context: tokens before the next one, for a text.
        on_conflict: what to do when one question has two answers.
        embedding_dim: $d$.
        head_dim: $d_h$; $d$ by default.
        heads: $H$; the fewest that suffice by default.
        dtype: type of the weights.
        seed: of every random draw.

    Example:
        >>> memorize("random:20,2,60", embedding_dim=8, seed=1).recall["float32"].accuracy
        1.0
    """
    task = tasks.load(
        source,
        subject=subject,
        relation=relation,
        object=object,
        context=context,
        on_conflict=on_conflict,
        seed=seed,
    )
    return construct.theorem(task, embedding_dim, head_dim, heads, dtype=dtype, seed=seed)
