"""Tokens that come and go: rows of the embedding and the unembedding, drawn like those that are there, or dropped."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from attncap import measure
from attncap.archive import Archive
from attncap.models import TokenModel, chunks
from attncap.tasks import Associations

# Directions that a new answer is chosen from, and lengths to try where the full one would win elsewhere.
DRAWS = 64
LENGTHS = (1.0, 0.7, 0.5, 0.35)


def grown(
    model: TokenModel, words: Sequence[str], sequences: Int[np.ndarray, "k S"] | None = None, seed: int = 0
) -> TokenModel:
    """Return a model with rows for all tokens and for more, which no fact is answered with yet.

    Args:
        model: in float64.
        words: the new tokens.
        sequences: what is asked; tokens in it that have no row of the embedding get one.
        seed: of the new embeddings, drawn with the mean and the covariance of those that are there.
    """
    known = model.embedding[model.readable]
    unread = np.arange(0) if sequences is None else np.setdiff1d(sequences, model.readable)
    unread = unread[unread < model.vocabulary_size]
    model = model.in_rows()
    if len(unread):
        embedding = model.embedding.copy()
        embedding[unread] = alike(known, len(unread), np.random.default_rng([seed, *unread]))
        model = replaced(model, embedding=embedding)
    if not words:
        return model
    drawn = alike(known, len(words), np.random.default_rng([seed, model.vocabulary_size]))
    silent = np.zeros((len(words), model.embedding_dim))
    return replaced(
        model,
        embedding=np.concatenate([model.embedding, drawn]),
        unembedding=np.concatenate([model.unembedding, silent]),
    )


def alike(rows: Float[np.ndarray, "n d"], count: int, rng: np.random.Generator) -> Float[np.ndarray, "count d"]:
    """Draw rows from the normal distribution that has the mean and the covariance of others, rounded to bfloat16."""
    import ml_dtypes

    centred = rows - rows.mean(axis=0)
    drawn = rows.mean(axis=0) + rng.standard_normal((count, len(rows))) @ centred / np.sqrt(max(1, len(rows) - 1))
    return drawn.astype(ml_dtypes.bfloat16).astype(np.float64)


def answering(
    model: TokenModel,
    task: Associations,
    tokens: Sequence[int],
    encodings: Float[np.ndarray, "T d"],
    margin: float,
    seed: int = 0,
) -> TokenModel:
    """Give tokens that were never answers rows of the unembedding that beat no answer of the task.

    Of several directions it takes the one that leaves the smallest margin largest, as long as others' rows if it can.

    Args:
        model: in float64.
        task: whose answers stay.
        tokens: the new answers.
        encodings: of the task's sequences.
        margin: that every answer is to keep over the new ones, in logits.
        seed: of the directions.
    """
    unembedding = model.unembedding.copy()
    used = np.unique(task.answers)
    own = np.einsum("td,td->t", encodings, unembedding[task.answers])
    for token in tokens:
        drawn = alike(unembedding[used], DRAWS, np.random.default_rng([seed, token]))
        highest = np.full((len(LENGTHS), DRAWS), -np.inf)
        for rows in chunks(len(encodings), 16 * DRAWS):
            said = encodings[rows] @ drawn.T
            for at, length in enumerate(LENGTHS):
                np.maximum(highest[at], (length * said - own[rows, None]).max(axis=0), out=highest[at])
        left = -highest
        enough = np.flatnonzero((left >= margin).any(axis=1))
        at = enough[0] if len(enough) else int(left.max(axis=1).argmax())
        unembedding[token] = LENGTHS[at] * drawn[int(left[at].argmax())]
        used = np.append(used, token)
    return replaced(model, unembedding=unembedding)


def shrunk(model: TokenModel, task: Associations) -> tuple[TokenModel, Associations]:
    """Drop the rows and the names of tokens that no association uses; a vocabulary keeps two.

    Rows of the unembedding that no association is answered with become zeros.
    """
    kept = np.unique([*task.sequences.flat, *task.answers])
    if len(kept) < 2:
        kept = np.union1d(kept, np.arange(2))
    number = np.full(task.vocabulary_size, -1, dtype=np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    model = silenced(model, np.setdiff1d(np.arange(task.vocabulary_size), measure.answers_in_use(task)))
    words = tuple(task.vocabulary[token] for token in kept)
    smaller = replace(task, sequences=number[task.sequences], answers=number[task.answers], vocabulary=words)
    return replaced(model, embedding=model.embedding[kept], unembedding=model.unembedding[kept]), smaller


def filled(memory: Archive) -> Archive:
    """Return a memory whose model has rows for all tokens; those that were absent are zeros."""
    return replace(memory, model=memory.model.in_rows())


def in_use(model: TokenModel, task: Associations, like: TokenModel) -> TokenModel:
    """Leave out the rows that a task does not use, where another model leaves some out; else have them all."""
    if like.embedding_rows is None and like.unembedding_rows is None:
        return model.in_rows()
    return model.in_rows(np.unique(task.sequences), measure.answers_in_use(task))


def silenced(model: TokenModel, tokens: Int[np.ndarray, " n"]) -> TokenModel:
    """Return a model whose rows of the unembedding are zero for some tokens."""
    unembedding = model.unembedding.copy()
    unembedding[tokens] = 0.0
    return replaced(model, unembedding=unembedding)


def replaced(model: TokenModel, **tensors: Any) -> TokenModel:
    """Return a model with some of its tensors replaced."""
    return replace(model, **tensors)  # type: ignore[type-var]
