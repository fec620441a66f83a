"""The smallest shapes that hold a task."""

from typing import TYPE_CHECKING, Literal

from attncap.commands.options import no_columns, one_source
from attncap.constraints import Count

if TYPE_CHECKING:
    from attncap.bounds.planner import Plans
    from attncap.tasks import Associations, Columns, Distributions


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
    epsilon: float | None = None,
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
        epsilon: plan for the next-token distributions of a source, at the given embedding_dim: store the fewest
            sequences of which all others have at most this probability; context and vocabulary as in encode.
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
    shape = {"embedding_dim": embedding_dim, "head_dim": head_dim}
    columns: Columns = {"subject": subject, "relation": relation, "object": object}
    task: Associations | Distributions | None = None
    if source is None:
        one_source(source, **numbers)
        no_columns(**columns, on_conflict=None if on_conflict == "error" else on_conflict)
        return bounds.plan(None, epsilon=epsilon, constants=constants, **numbers, **shape)
    from attncap import tasks

    if epsilon is None:
        one_source(source, associations=associations, vocabulary=vocabulary)
        task = tasks.load(source, context=context, on_conflict=on_conflict, **columns)
    else:
        one_source(source, associations=associations)
        task = tasks.load_distributions(source, context=context, vocabulary=vocabulary, **columns)
    return bounds.plan(task, epsilon=epsilon, constants=constants, **shape)
