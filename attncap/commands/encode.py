"""How near logits of rank d can come to next-token distributions."""

from typing import TYPE_CHECKING

from attncap.constraints import Count, Seed

if TYPE_CHECKING:
    from attncap.construct import Encoder


def encode(
    source: str,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    embedding_dim: Count,
    context: Count | None = None,
    vocabulary: Count | None = None,
    starts: Count | None = None,
    seed: Seed = 0,
) -> "Encoder":
    """Find the optimal rank-$d$ sequence encoder of a distribution.

    Args:
        source: an .npz with pi (T,N), a .txt, kjv, wikipedia, or a table with conflicts.
        subject: column of the subjects.
        relation: column of the relations (long table).
        object: column of the answers (long table).
        embedding_dim: embedding dimension $d$.
        context: tokens before the next one (text), 2 by default.
        vocabulary: keep so many of the most frequent tokens (text); all by default.
        starts: starts of the descent; by default 3, for large tasks 1.
        seed: of every random draw.

    Returns:
        The encoder with its divergence (nats) and the bound below it.

    Raises:
        InputError: no such source, or an option that does not apply to it.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> path = f"{tempfile.mkdtemp()}/two.npz"
        >>> np.savez(path, pi=[[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
        >>> encode(path, embedding_dim=2).kl < 1e-3
        True
    """
    from attncap import construct, tasks

    columns: tasks.Columns = {"subject": subject, "relation": relation, "object": object}
    task = tasks.load_distributions(source, context=context, vocabulary=vocabulary, **columns)
    return construct.encode(task, embedding_dim, starts=starts, seed=seed)
