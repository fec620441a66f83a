"""Find weights that memorize a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attncap import methods
from attncap.commands import layers
from attncap.commands.layers import Layer
from attncap.constraints import Count, Seed
from attncap.errors import InputError
from attncap.numerics.budget import seconds

if TYPE_CHECKING:
    from typing import TypeVar

    from attncap.fits import Fit, Peers
    from attncap.tasks import Associations

    Method = str
    F = TypeVar("F", Fit, "Fit | Peers[Fit]")
else:
    Method = Literal[tuple(methods.methods("associations"))]

# Up to so many associations a small shape is searched where none is asked for, and for so many seconds.
LARGE, PATIENCE = 50_000, 60.0


def memorize(
    source: str,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    context: Count | None = None,
    on_conflict: Literal["error", "first", "distribution"] = "error",
    embedding_dim: Count | None = None,
    head_dim: Count | None = None,
    heads: Count | None = None,
    method: Method | None = None,
    smallest: bool = False,
    by: Literal["parameters", "bytes"] | None = None,
    within: str | None = None,
    train_attention: bool = False,
    certify: bool = False,
    query_key_rank: Count | None = None,
    layer: Layer = "attention",
    units: Count | None = None,
    embeddings: Path | None = None,
    epsilon: float | None = None,
    dtype: Literal["float64", "float32", "bfloat16", "int8"] = "float32",
    seed: Seed = 0,
    files: Path | None = None,
) -> "Fit | Peers[Fit]":
    r"""Find weights that recall a table, a text or a random task, and verify them.

    Args:
        source: a named table, a .csv, .tsv, .jsonl or .parquet, a .txt, or ``random:N,S,T``.
        subject: column of the subjects.
        relation: column of the relations (long table).
        object: column of the answers (long table).
        context: tokens before the next one (text), 2 by default.
        on_conflict: when one question has two answers: refuse, keep the first, or store their distribution.
        embedding_dim: embedding dimension $d$; 64 where a method or a shape is named.
        head_dim: head dimension $d_h$; $d$ by default.
        heads: heads $H$; the fewest that suffice by default.
        method: how the weights are found: theorem, margin, joint or train. Without a method or a shape, a small one
            that method joint finds in a minute, and for more than 50,000 associations, or where it finds none, the
            theorem's; theorem for a shape.
        smallest: search the smallest shape that holds the task.
        by: what is to be smallest: parameters in use, the default, or the bytes that they take.
        within: end that search after so long (90s, 10m, 1.5h) with the best so far.
        train_attention: margin mode: where the readout falls short, train all weights.
        certify: margin mode: take only heads with which no order of summation changes an answer.
        query_key_rank: rank of each head's $W_Q^\top W_K$, from 1, which suffices, to $d_h$, the default.
        layer: what memorizes: attention, a perceptron of gated units, or both, the perceptron with as many parameters
            as the attention. A perceptron without a method or a shape is found by method joint at d = 8.
        units: units of the perceptron; the fewest that suffice by default.
        embeddings: an .npz whose tables embedding and unembedding stay as they are, found by method margin by default;
            unembedding is the same as embedding by default, and tokens names the rows.
        epsilon: distributions: store the fewest sequences of which all others have at most this probability.
        dtype: type of the weights; int8, whole numbers times scales, is method joint's.
        seed: of every random draw.
        files: where to leave what ``attncap memorize --out`` writes.

    Returns:
        The verified fit; with both layers, two of them.

    Raises:
        InputError: no such source, or options that do not go together.
        UnmetError: the shape does not hold the task.

    Example:
        >>> memorize("random:20,2,60", embedding_dim=8, seed=1).recall["float32"].accuracy
        1.0
    """
    from attncap import tasks

    shaped = any(one is not None for one in (embedding_dim, head_dim, heads, query_key_rank))
    given = {"train_attention": train_attention, "certify": certify, "query_key_rank": query_key_rank}
    columns: tasks.Columns = {"subject": subject, "relation": relation, "object": object}
    if not smallest and (by or within):
        raise InputError("by" if by else "within", "smallest with it", "no smallest")
    if smallest and (shaped or train_attention or method not in (None, "joint") or on_conflict == "distribution"):
        raise InputError("smallest", "no shape, and no method but joint, which it searches", "one of them")
    task: tasks.Associations | tasks.Distributions
    if layer != "attention" or embeddings is not None or units is not None:
        if smallest or on_conflict == "distribution" or epsilon is not None:
            option = "smallest" if smallest else "epsilon" if epsilon is not None else "on_conflict"
            raise InputError(option, "layer attention and embeddings of its own", f"layer {layer}")
        task = tasks.load(source, context=context, on_conflict=on_conflict, seed=seed, **columns)
        size: Any = {"embedding_dim": embedding_dim, "head_dim": head_dim, "heads": heads, "units": units}
        found = layers.memorized(
            task, layer, method=method, embeddings=embeddings, dtype=dtype, seed=seed, **size, **given
        )
        return _kept(found, files)
    if on_conflict == "distribution":
        if method not in (None, "theorem"):
            raise InputError("on_conflict", "method theorem where distributions are stored", f"method {method}")
        chosen = methods.find("distributions", "distribution")
        extra = chosen.taking(epsilon=epsilon, **given)
        task = tasks.load_distributions(source, context=context, **columns)
    elif epsilon is not None:
        raise InputError("epsilon", "on_conflict distribution", f"on_conflict {on_conflict}")
    else:
        chosen = methods.find("associations", method or "theorem")
        free = smallest or (method in (None, "joint") and not shaped and not train_attention)
        extra = {} if free else chosen.taking(**given)
        task = tasks.load(source, context=context, on_conflict=on_conflict, seed=seed, **columns)
        if free and (fit := _small(task, method, smallest, by, within, dtype=dtype, seed=seed, certify=certify)):
            return _kept(fit, files)
    if dtype == "int8" and chosen.name != "joint":
        raise InputError("dtype", f"a floating-point type with method {chosen.name}, which rounds no weights", dtype)
    fit = chosen.function(task, embedding_dim or 64, head_dim, heads, dtype=dtype, seed=seed, **extra)
    return _kept(fit, files)


def _small(
    task: "Associations", method: str | None, smallest: bool, by: Any, within: str | None, **options: Any
) -> "Fit | None":
    """Search a small shape, the smallest or the first that holds; nothing where the theorem's has to do."""
    from attncap import construct

    if smallest:
        limit = None if within is None else seconds("within", within)
        return construct.smallest(task, by=by or "parameters", within=limit, **options)
    if method is None and task.associations > LARGE:
        return None
    try:
        return construct.smallest(task, first=True, within=None if method else PATIENCE, **options)
    except construct.NotMemorized:
        if method or options["certify"]:
            raise
        return None


def _kept(fit: "F", files: Path | None) -> "F":
    if files is not None:
        write(fit, files, force=True)
    return fit


def write(fit: "Fit | Peers[Fit]", path: Path, *, force: bool) -> Path:
    """Write a fit to a directory; two of them to directories in it, named by their layers."""
    from attncap import archive
    from attncap.fits import Peers

    if not isinstance(fit, Peers):
        return archive.write(fit, path, force=force)
    for name, each in (("attention", fit.attention), ("perceptron", fit.perceptron)):
        archive.write(each, path / name, force=force)
    return path
