r"""Gold standards: the same draws memorized without the facts that are to be forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from attncap import measure
from attncap.archive import Archive
from attncap.construct.associations import joint_mode, margin_mode
from attncap.construct.associations.joint_stages import Goal
from attncap.construct.associations.random_attention import draw, unit_rows
from attncap.construct.perceptrons.constructed import Plan
from attncap.memory.descent import descended, is_whole
from attncap.memory.system import System
from attncap.memory.traces import Questions
from attncap.memory.vocabularies import silenced
from attncap.models import AttentionOnlyTransformer, Perceptron, TokenModel
from attncap.numerics.least_norm import times
from attncap.numerics.linear import minimum_norm
from attncap.tasks import Associations
from attncap.train import Architecture
from attncap.train.associations.problem import Lane
from attncap.train.loop.lanes import train
from attncap.train.loop.recipes import BEST

# Seeds of gold standards that are drawn, beside those of the memory itself.
SEED = 1000
# Of the mean square of an encoding's dimensions, what each has at least.
FLOOR = 1e-8


def solved(system: System, model: TokenModel, asked: Questions) -> TokenModel:
    r"""Solve the memory's own system again without some facts, from the same attention, embeddings and gauge.

    The solution nearest to `start` on the rows that stay, beside the part of the memory's point that no fact's features
    reach. None of it depends on the answers that go: the targets are the memory's own encodings $U_y W_0^{-1}$ of the
    rows that stay, whose gauge $W_0$, fitted to all answers, cancels in the logits.

    Args:
        system: of the memory, wide.
        model: the memory, in float64.
        asked: the facts.
    """
    begin = start(system, model, asked)
    point = system.point(model) - begin
    assert system.solve is not None
    drawn = point - system.solve(times(system.matrix, point))
    stays = np.delete(np.arange(len(system.matrix)), asked.rows)
    kept = system.matrix[stays].astype(np.float64)
    return quiet(system.placed(model, begin + drawn + minimum_norm(kept, kept @ (point - drawn))), asked)


def start(system: System, model: TokenModel, asked: Questions) -> Float[np.ndarray, "P d"]:
    r"""Return a point whose skip coefficient does not know the answers that go.

    The memory's own, the identity, would: the gauge in which it is the identity was fitted to all answers. With the
    encodings $E$ of the facts that stay and $L^\top L = E^\top E / T$, it is $\gamma Q L$, where $Q$ is the rotation
    nearest to the least squares fit of $E L^{-1}$ by the skip's rows $X$, and $\gamma$ gives both one size. Another
    gauge of $E$ leaves every logit as it is. Where nothing is carried past the last map there is no such coefficient.
    """
    if not model.carries:
        return np.zeros((system.matrix.shape[1], model.embedding_dim))
    dim, stays = model.embedding_dim, np.delete(np.arange(len(system.matrix)), asked.rows)
    skip = system.matrix[stays, :dim] / system.scale[:dim]
    encodings = times(system.matrix, system.point(model))[stays]
    gram = encodings.T @ encodings / len(stays)
    # Fewer facts than dimensions leave some without a size.
    gram[np.diag_indices(dim)] += FLOOR * np.trace(gram) / dim
    triangle = np.linalg.cholesky(gram).T
    fitted = np.linalg.lstsq(skip, encodings, rcond=None)[0]
    left, _, right = np.linalg.svd(np.linalg.solve(triangle.T, fitted.T).T)
    coefficient = left @ right @ triangle / np.sqrt(np.mean(skip**2))
    rest = np.zeros((system.matrix.shape[1] - dim, dim))
    return np.concatenate([coefficient, rest]) / system.scale[:, None]


def quiet(model: TokenModel, asked: Questions) -> TokenModel:
    """Return a model whose unembedding has rows of zeros for answers that no fact has that stays."""
    gone = np.setdiff1d(asked.answers, measure.answers_in_use(asked.kept))
    return silenced(model, gone)


def drawn(memory: Archive, asked: Questions, seeds: int) -> Iterator[TokenModel]:
    """Yield gold standards of a memory whose weights were descended to: other seeds, the same everything else.

    Each is found by the memory's own method. Margin mode keeps embeddings, positions, attention and values, and draws
    the directions of the answers anew; where those were descended with the facts, and in training, all weights are
    drawn: they know the answers that go.

    Args:
        memory: what is to be forgotten from.
        asked: the facts.
        seeds: how many.
    """
    model, kept = memory.model.astype("float64"), asked.kept
    if memory.header.get("method") == "train":
        yield from _trained(model, asked, seeds)
        return
    for seed in range(SEED, SEED + seeds):
        if (found := _descended_whole(memory, kept, seed)) is not None:
            yield quiet(found.in_rows(), asked)
            continue
        rows: Float[np.ndarray, "N d"] = unit_rows(np.random.default_rng(seed), kept, model.embedding_dim)
        yield descended(model, kept, memory.model.dtype, 0.0, directions=rows[measure.answers_in_use(kept)]).model


def _descended_whole(memory: Archive, kept: Associations, seed: int) -> TokenModel | None:
    """Memorize by descent over all weights, from the draws of a seed; None where only the readout descended."""
    model, dtype = memory.model, memory.model.dtype
    if not is_whole(memory):
        return None
    if isinstance(model, Perceptron):
        activation: Any = model.activation
        plan = Plan(kept, model.embedding_dim, "joint", activation, None, dtype, seed, joint_mode.EVALUATIONS, None)
        return plan.attempt(model.units).model
    if not isinstance(model, AttentionOnlyTransformer):
        return None
    shape = model.embedding_dim, model.head_dim, model.heads
    rank = model.query.shape[1]
    if memory.header.get("method") == "joint":
        return joint_mode.reached(Goal(kept, dtype, False, joint_mode.EVALUATIONS, None), *shape, rank, seed).model
    guess = draw(kept, *shape, margin_mode.BETA, seed, rank)
    return margin_mode.attempted(kept, guess, dtype, train_attention=True).model


def _trained(model: TokenModel, asked: Questions, seeds: int) -> Iterator[TokenModel]:
    depth, width = getattr(model, "depth", 1), getattr(model, "width", 0)
    shape = Architecture(
        model.vocabulary_size, model.context, model.embedding_dim, model.head_dim, model.heads, depth, width
    )
    recipe = replace(BEST, forget_from=1.0)
    run = train([Lane(asked.kept, shape, seed) for seed in range(SEED, SEED + seeds)], recipe)
    for one in run.models:
        yield quiet(one.model.astype("float64"), asked)
