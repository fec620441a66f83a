"""The smallest shapes that hold a task."""

from typing import TYPE_CHECKING, Literal

from attncap.commands.options import no_columns, one_source
from attncap.constraints import Count

if TYPE_CHECKING:
    from attncap.bounds.planner import Plans
    from attncap.tasks import Columns


def plan(
    source: str | None = None,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    on_conflict: Literal["error", "first"] = "error",
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
        subject: column of the subjects.
        relation: column of the relations (long table).
        object: column of the answers (long table).
        on_conflict: when one question has two answers: refuse, or keep the first.
        associations: associations to memorize, $T$.
        vocabulary: tokens in the vocabulary, $N$.
        context: tokens in a sequence, $S$; of a text, tokens before the next one, 2 by default.
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
    columns: Columns = {"subject": subject, "relation": relation, "object": object}
    task = None
    if source is not None:
        from attncap import tasks

        one_source(source, associations=associations, vocabulary=vocabulary)
        task = tasks.load(source, context=context, on_conflict=on_conflict, **columns)
        numbers["context"] = None
    else:
        one_source(source, **numbers)
        no_columns(**columns, on_conflict=None if on_conflict == "error" else on_conflict)
    return bounds.plan(task, **numbers, embedding_dim=embedding_dim, head_dim=head_dim, constants=constants)
