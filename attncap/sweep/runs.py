"""The cells of the registered commands: what each command does, without its files."""

from typing import Literal

from attncap import construct, tasks
from attncap.construct import Capacity, Fit
from attncap.errors import InputError
from attncap.interpolation import Interpolation, error
from attncap.interpolation import softmax as softmax_at


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


def interpolation(
    *,
    ratio: float | int,
    ridge: float | int,
    activation: str | list[str] = "tanh",
    snr: float | int = 0.0,
    alignment: float | int = 0.0,
    diagonal: str | float | int = "zero",
    heads: int = 1,
    combine: str = "concat",
    random_scores: bool = False,
    softmax: float | int | None = None,
    positive: float = 0.5,
    simulate: bool = False,
    tokens: int = 1000,
    seed: int = 0,
) -> Interpolation:
    r"""Predict one interpolation error, as ``attncap interpolation`` does; a simulated cell is one draw.

    Args:
        ratio: c = p/n.
        ridge: $\gamma$.
        activation: a name or an expression in t, or a list of them, one a head.
        snr: $|\mu|^2$.
        alignment: $\kappa$.
        diagonal: "zero", "full" or a number.
        heads: copies of the activations.
        combine: "concat" or "sum".
        random_scores: random query-key matrices.
        softmax: true softmax at this inverse temperature, in place of ``activation``.
        positive: share of labels +1.
        simulate: measure it at finite size too.
        tokens: n of the simulation.
        seed: of the draw.

    Example:
        >>> round(interpolation(ratio=0.5, ridge=1.0, snr=1.0, alignment=1.0, diagonal="full").theory, 6)
        0.400298
    """
    result = error(
        activation if softmax is None else softmax_at(softmax),
        ratio=ratio,
        ridge=ridge,
        snr=snr,
        alignment=alignment,
        diagonal=diagonal,
        heads=heads,
        combine=combine,
        random_scores=random_scores,
        positive=positive,
    )
    return result.simulate(tokens, 1, seed) if simulate else result
