"""Find weights that memorize a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attncap import methods
from attncap.constraints import Count, Seed
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.fits.fit import Fit

    Method = str
else:
    Method = Literal[tuple(methods.methods("associations"))]


def memorize(
    source: str,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    context: Count | None = None,
    on_conflict: Literal["error", "first", "distribution"] = "error",
    embedding_dim: Count = 64,
    head_dim: Count | None = None,
    heads: Count | None = None,
    method: Method = "theorem",
    train_attention: bool = False,
    certify: bool = False,
    query_key_rank: Count | None = None,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: Seed = 0,
    files: Path | None = None,
) -> "Fit":
    r"""Find weights that recall a table, a text or a random task, and verify them.

    Args:
        source: a named table, a .csv, .tsv, .jsonl or .parquet, a .txt, or ``random:N,S,T``.
        subject: column of the subjects.
        relation: column of the relations (long table).
        object: column of the answers (long table).
        context: tokens before the next one (text), 2 by default.
        on_conflict: when one question has two answers: refuse, keep the first, or store their distribution.
        embedding_dim: embedding dimension $d$.
        head_dim: head dimension $d_h$; $d$ by default.
        heads: heads $H$; the fewest that suffice by default.
        method: how the weights are found: theorem, margin or train.
        train_attention: margin mode: where the readout falls short, train all weights.
        certify: margin mode: take only heads with which no order of summation changes an answer.
        query_key_rank: rank of each head's $W_Q^\top W_K$, from 1, which suffices, to $d_h$, the default.
        dtype: type of the weights.
        seed: of every random draw.
        files: where to leave what ``attncap memorize --out`` writes.

    Returns:
        The verified fit.

    Raises:
        InputError: no such source, or options that do not go together.
        UnmetError: the shape does not hold the task.

    Example:
        >>> memorize("random:20,2,60", embedding_dim=8, seed=1).recall["float32"].accuracy
        1.0
    """
    from attncap import tasks

    chosen = methods.find("associations", method)
    given = {"train_attention": train_attention, "certify": certify, "query_key_rank": query_key_rank}
    columns: tasks.Columns = {"subject": subject, "relation": relation, "object": object}
    task: tasks.Associations | tasks.Distributions
    if on_conflict == "distribution":
        if method != "theorem":
            raise InputError("on_conflict", "method theorem where distributions are stored", f"method {method}")
        chosen = methods.find("distributions", "distribution")
        extra = chosen.taking(**given)
        task = tasks.load_distributions(source, context=context, **columns)
    else:
        extra = chosen.taking(**given)
        task = tasks.load(source, context=context, on_conflict=on_conflict, seed=seed, **columns)
    fit: Fit = chosen.function(task, embedding_dim, head_dim, heads, dtype=dtype, seed=seed, **extra)
    if files is not None:
        from attncap import archive

        archive.write(fit, files, force=True)
    return fit
