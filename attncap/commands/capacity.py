"""Search for the largest task that a shape memorizes."""

from attncap import construct
from attncap.construct import Capacity
from attncap.errors import InputError


def capacity(
    *,
    vocabulary: int,
    context: int,
    embedding_dim: int,
    heads: int,
    head_dim: int | None = None,
    method: str = "margin",
    train_attention: bool = False,
    target: float | int = 1.0,
    dtype: str = "float32",
    seeds: int = 3,
    seed: int = 0,
) -> Capacity:
    """Search the largest number of random associations that a shape memorizes, as ``attncap capacity`` does.

    Args:
        vocabulary: $N$.
        context: $S$.
        embedding_dim: $d$.
        heads: $H$.
        head_dim: $d_h$; $d$ by default.
        method: "theorem", "margin" or "train".
        train_attention: with margin mode, train all parameters where the readout falls short.
        target: with training, the accuracy that counts as memorized; constructions recall everything.
        dtype: type in which a construction is exact; training is in float32.
        seeds: searches, each with its own tasks and weights.
        seed: the first of them.

    Example:
        >>> capacity(vocabulary=30, context=2, embedding_dim=6, heads=5, method="theorem", seeds=1).capacity
        36
    """
    shape = (vocabulary, context, embedding_dim, head_dim, heads)
    if method != "train":
        if target != 1:
            raise InputError(f"--target: applies to --method train; a construction recalls everything, got {target}")
        return construct.capacity(
            *shape, method=method, dtype=dtype, seeds=seeds, seed=seed, train_attention=train_attention
        )
    if dtype != "float32" or train_attention:
        raise InputError("--dtype and --train-attention: --method train trains everything, in float32")
    from attncap import train

    return train.capacity(*shape, target=target, seeds=seeds, seed=seed)
