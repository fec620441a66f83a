"""The catalogue at one shape."""

from typing import TYPE_CHECKING

from attncap.constraints import Count

if TYPE_CHECKING:
    from attncap.bounds.values import Promises


def bounds(
    *,
    vocabulary: Count,
    context: Count,
    embedding_dim: Count,
    head_dim: Count,
    heads: Count,
    data_rank: Count | None = None,
    constants: dict[str, float] | None = None,
) -> "Promises":
    """Evaluate what theorems promise or forbid at a shape.

    Args:
        vocabulary: tokens in the vocabulary, $N$.
        context: tokens in a context, $S$.
        embedding_dim: embedding dimension $d$.
        head_dim: head dimension $d_h$.
        heads: attention heads $H$.
        data_rank: rank of the token-position vectors in use; $N + S - 1$ by default.
        constants: unknown constant of a bound, by the bound's id.

    Returns:
        One row a bound.

    Raises:
        InputError: a number that no shape has, or a constant of a bound that has none.

    Example:
        >>> bounds(vocabulary=50, context=2, embedding_dim=10, head_dim=10, heads=20).bounds[0].value
        210
    """
    from attncap.bounds import evaluate

    shape = {"heads": heads, "head_dim": head_dim, "embedding_dim": embedding_dim}
    return evaluate(**shape, vocabulary=vocabulary, context=context, data_rank=data_rank, constants=constants)
