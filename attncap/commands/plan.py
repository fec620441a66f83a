"""The smallest shapes that hold a task."""

from typing import TYPE_CHECKING

from attncap.commands.options import one_source
from attncap.constraints import Count

if TYPE_CHECKING:
    from attncap.bounds.planner import Plans


def plan(
    source: str | None = None,
    *,
    associations: Count | None = None,
    vocabulary: Count | None = None,
    context: Count | None = None,
    embedding_dim: Count | None = None,
    head_dim: Count | None = None,
    constants: dict[str, float] | None = None,
) -> "Plans":
    """Find the smallest shapes that hold a task, per method, by parameters.

    Args:
        source: a task, named as in memorize; or give its numbers.
        associations: associations to memorize, $T$.
        vocabulary: tokens in the vocabulary, $N$.
        context: tokens in a sequence, $S$.
        embedding_dim: fix the embedding dimension $d$.
        head_dim: fix the head dimension $d_h$.
        constants: unknown constant of a bound, by the bound's id.

    Returns:
        The plans, by parameters.

    Raises:
        InputError: numbers that no task has, or both a task and numbers.

    Example:
        >>> found = plan(associations=1000, vocabulary=50, context=2, embedding_dim=10, head_dim=10)
        >>> [one.heads for one in found.plans]
        [99]
    """
    from attncap import bounds

    numbers = {"associations": associations, "vocabulary": vocabulary, "context": context}
    one_source(source, **numbers)
    task = None
    if source is not None:
        from attncap import tasks

        task = tasks.load(source)
    return bounds.plan(task, **numbers, embedding_dim=embedding_dim, head_dim=head_dim, constants=constants)
