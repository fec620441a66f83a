"""Method joint: embeddings, attention and readout descended together, the smallest memories that are known."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

from attncap import measure
from attncap.constraints import Count, Seed, checked
from attncap.construct.associations.joint_descent import whole
from attncap.construct.associations.joint_stages import Descended, Goal, many, reach
from attncap.construct.associations.random_attention import draw
from attncap.construct.associations.readout import M, answers_of
from attncap.construct.given import Embeddings
from attncap.fits.count import capacity_of, check_shape
from attncap.fits.fit import Fit, NotMemorized, shortfall, summarize
from attncap.models import AttentionOnlyTransformer, TokenModel, chunks
from attncap.models.precision import StoredName
from attncap.numerics.bracketing import boundary
from attncap.numerics.budget import Budget
from attncap.numerics.whitening import whiten
from attncap.tasks import Associations

# Standard deviation of the scores at the start: heads that neither ignore their query nor one of the tokens.
BETA = 1.0
# Between given embeddings soft heads, nearly bilinear in their query, descend further; and so large outputs.
SOFT, OUTPUT = 0.3, 4.0
GIVEN = ("embedding", "position", "unembedding")
# The first token of every sequence but the last moves its representation so far, in lengths of an embedding: what
# begins alike stays together, and its rivals are among itself.
APART = 4.0
# Logits of the first guess: of an answer in the direction of its own representation.
LOGITS = 30.0
# On the circle neighbours are close, and only large logits tell them apart.
CIRCLE_LOGITS = 3000.0
# Rounds in which tokens that share answers come together.
ALIKE = 80
# Of many answers most belong to one sequence: tokens keep so much of their own direction, and only large logits tell
# them apart.
OWN, MANY_LOGITS = 0.5, 300.0
# What large weights cost at first, shared by the heads; four times it falls to a quarter, then to none.
PENALTY, FALLING = 0.2, (1, 1 / 4, 1 / 16, 1 / 64, 1 / 256)
# Sequences that share an answer, on average, from which no guess is made.
SHARED = 2.0
# Root mean squares of the unembedding that a step moves it, as far as it moves others by one.
STRIDE, FARTHEST = 16.0, 8.0
# Of the loss and its gradient, at most.
EVALUATIONS = 4000
# Where the number of heads is free, the largest that failed is within an eighth of the smallest that succeeded.
RESOLUTION = 1 / 8


def expected_heads(task: Associations, embedding_dim: int, head_dim: int = 1, bits_per_parameter: float = 1.0) -> int:
    """Return the heads with which a shape holds so many bits of a task per parameter in use; 1 at least."""
    rows = len(np.unique(task.sequences)) + len(measure.answers_in_use(task)) + task.context
    left = task.bits / bits_per_parameter - embedding_dim * rows
    return max(1, round(left / (embedding_dim * (2 + 2 * head_dim))))


@checked
def joint(
    task: Associations,
    embedding_dim: Count = 64,
    head_dim: Count | None = None,
    heads: Count | None = None,
    *,
    query_key_rank: Count | None = None,
    dtype: StoredName = "float32",
    seed: Seed = 0,
    certify: bool = False,
    embeddings: Embeddings | None = None,
    evaluations: Count = EVALUATIONS,
    budget: Budget | None = None,
) -> Fit:
    r"""Memorize a task by descending the logistic loss over every parameter at once (L-BFGS).

    Scores have rank 1 and values one dimension unless more are asked for: a head then costs $4d$ numbers, and many
    such heads hold more bits per parameter than few wide ones. The first guess draws the attention and puts every
    answer's row where its sequences' representations point, which answers most sequences that share their answer with
    no other; the descent finds the rest. Where most answers are shared, as in random tasks, it starts from a small
    draw instead, and large weights cost at first. Large tables are descended over the closest rivals of each sequence,
    the largest by Adam's steps first, and verified over the whole vocabulary. For int8, Adam's steps follow the loss of
    the rounded weights.

    Args:
        task: what to memorize.
        embedding_dim: $d$, at least 2.
        head_dim: $d_h$, the dimension of the values; 1 by default.
        heads: $H$; by default the smallest number that a bracketing search finds (within an eighth).
        query_key_rank: rank of each $W_Q^\top W_K$; $d_h$ by default.
        dtype: the type whose recall must be exact.
        seed: of every random draw.
        certify: go on until every answer is certified (`attncap.measure.certify`).
        embeddings: given ones; only the attention is then descended.
        evaluations: of the loss and its gradient, at most.
        budget: of time; a descent that exhausts it stops.

    Returns:
        The verified fit; its details hold the evaluations.

    Raises:
        InputError: a shape that no model has.
        NotMemorized: an answer was not reached.
        UnmetError: not enough memory.

    Example:
        >>> from attncap.tasks import random_associations
        >>> fit = joint(random_associations(20, 2, 60), embedding_dim=4, heads=6)
        >>> fit.shape.parameters, fit.recall["float32"].accuracy
        (256, 1.0)

    Source: this project's; rank-1 scores from Dana, Pydi, Chevaleyre 2025 (arXiv 2411.10115), Remark 2.
    """
    started = time.perf_counter()
    head_dim = 1 if head_dim is None else head_dim
    rank = head_dim if query_key_rank is None else query_key_rank
    check_shape(embedding_dim, head_dim, heads, dtype, rank)
    if embeddings is not None:
        embeddings.check(task, embedding_dim)

    def attempt(number: int) -> Descended[AttentionOnlyTransformer]:
        size = embedding_dim, head_dim, number, rank, seed
        goal = Goal(task, dtype, certify, evaluations, budget)
        if embeddings is not None:
            every, start = np.arange(task.vocabulary_size), untrained(task, *size, embeddings)
            return reach(start, partial(whole, start, task, every, task.answers, frozen=GIVEN), goal)
        return reached(goal, *size)

    expected = expected_heads(task, embedding_dim, head_dim)
    found, bracket = (attempt(heads), None) if heads else fewest(expected, task.associations, attempt)
    if not found.holds:
        raise NotMemorized(shortfall(found.recall, task, dtype, found.model.heads))
    details: dict[str, Any] = {"beta": BETA, "evaluations": found.evaluations}
    if embeddings is not None:
        details |= {"beta": SOFT, "embeddings": "given"}
    return summarize(
        found.model,
        task,
        dtype,
        method="joint",
        capacity=capacity_of(task, embedding_dim, head_dim, found.model.heads),
        seed=seed,
        details=details if bracket is None else {**details, "heads_bracket": list(bracket)},
        seconds=time.perf_counter() - started,
        given=embeddings is not None,
    )


def reached(
    goal: Goal, embedding_dim: int, head_dim: int, heads: int, rank: int, seed: int
) -> Descended[AttentionOnlyTransformer]:
    """Descend over all weights from the draws of a seed: a small draw where answers are shared, else the guess."""
    task, size = goal.task, (embedding_dim, head_dim, heads, rank, seed)
    if shared(task) and not many(task):
        start = small_draw(task, *size)
        pose = partial(whole, start, task, *answers_of(task), strides={"unembedding": stride(start, task)})
        return reach(start, pose, goal, penalties=penalties(heads))
    start = first_guess(task, *size)
    return reach(start, partial(whole, start, task, *answers_of(task)), goal, steps=head_dim > 1)


def shared(task: Associations) -> bool:
    """Whether an answer belongs to several sequences on average, so that a guess answers few of them."""
    return task.associations >= SHARED * len(measure.answers_in_use(task))


def stride(model: AttentionOnlyTransformer, task: Associations) -> float:
    """Return how far a step moves the unembedding: the farther, the smaller the attention is beside it."""
    layer = sum(tensor.size for name, tensor in model.tensors().items() if name not in GIVEN)
    rows = model.embedding_dim * len(measure.answers_in_use(task))
    return float(np.clip(STRIDE * rows / layer, 1.0, FARTHEST))


def fewest(
    expected: int, enough: int, attempt: Callable[[int], Descended[M]]
) -> tuple[Descended[M], tuple[int, int | None]]:
    """Search the fewest heads or units that hold a task.

    Returns:
        What they came to; the largest number that failed and the smallest that did not (None: all up to the first).
    """
    tried: dict[int, Descended[M]] = {}

    def fails(number: int) -> bool:
        tried[number] = attempt(number)
        return not tried[number].holds

    bracket = boundary(fails, expected, enough, RESOLUTION)
    return tried[bracket[1] or bracket[0]], bracket


def untrained(
    task: Associations, embedding_dim: int, head_dim: int, heads: int, rank: int, seed: int, embeddings: Embeddings
) -> AttentionOnlyTransformer:
    """Draw attention on given embeddings: values of size one, and outputs that outweigh the skip connection."""
    model = draw(task, embedding_dim, head_dim, heads, SOFT, seed, rank, embeddings)
    value = model.value / np.sqrt(np.mean((model.embedding[task.sequences[:, -1]] @ model.value[0].T) ** 2))
    drawn = np.random.default_rng([seed, 1]).standard_normal(model.output.shape)
    return replace(model, value=value, output=OUTPUT * drawn / np.sqrt(heads * head_dim))


def first_guess(
    task: Associations, embedding_dim: int, head_dim: int, heads: int, rank: int, seed: int
) -> AttentionOnlyTransformer:
    """Draw embeddings and attention, and put every answer where its sequences' representations point.

    Tokens that never stand last (relations) keep what begins alike apart from the rest: long embeddings, which the
    first heads average into the representation.
    """
    model = draw(task, embedding_dim, head_dim, heads, BETA, seed, rank)
    rng = np.random.default_rng([seed, 1])
    tensors = {name: tensor.copy() for name, tensor in model.tensors().items()}
    last = np.unique(task.sequences[:, -1])
    tensors["embedding"][last] = alike(task, tensors["embedding"][last])
    tensors["output"] = rng.standard_normal(tensors["output"].shape) / (2 * np.sqrt(heads * head_dim))
    before = np.setdiff1d(task.sequences[:, :-1], last)
    if not np.isin(last, task.sequences[:, :-1]).any() and task.context == 2:
        # Embeddings say where they stand.
        tensors["position"][:] = 0.0
    if len(before) > 1:
        directions = rng.standard_normal((len(before), embedding_dim))
        tensors["embedding"][before] = APART * normalized(directions)
        for head in range(min(heads, embedding_dim)):
            for name in ("query", "key"):
                tensors[name][head] *= 0.1
            tensors["value"][head, 0] = np.eye(embedding_dim)[head]
            tensors["output"][head, :, 0] = 2 * np.eye(embedding_dim)[head]
    model = replace(model, **tensors)
    return replace(model, unembedding=pointed_at(model, task))


def penalties(heads: int) -> list[float]:
    """Return what weights of their first size cost, in nats an association, while wide heads are sorted out."""
    return [falling * PENALTY / heads for falling in FALLING]


def small_draw(
    task: Associations, embedding_dim: int, head_dim: int, heads: int, rank: int, seed: int
) -> AttentionOnlyTransformer:
    """Draw all weights as recipe best does: uniform, of bounds that leave logits small.

    From answers at the start L-BFGS settles where many heads of many units have many wrong; from here, large weights
    penalized at first, it does not.
    """
    model = draw(task, embedding_dim, head_dim, heads, BETA, seed, rank)
    rng = np.random.default_rng([seed, 1])
    ranges = {
        "embedding": model.embedding_dim**-0.5,
        "position": model.embedding_dim**-0.5,
        "query": 1.5**0.5 * model.query_key_rank**-0.75,
        "key": 1.5**0.5 * model.query_key_rank**-0.75,
        "value": (1.5 / model.head_dim) ** 0.5,
        "output": model.head_dim**-0.5,
        "unembedding": model.embedding_dim**-0.5,
    }
    tensors = model.tensors()
    return replace(model, **{name: rng.uniform(-most, most, tensors[name].shape) for name, most in ranges.items()})


def alike(task: Associations, drawn: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "m d"]:
    """Bring the vectors of last tokens together that share answers after the same beginning; return unit vectors.

    Where answers are `many`, each keeps a part of what was drawn for it. In two dimensions they end evenly spaced on
    the circle, where every direction is a vertex.
    """
    _, rows = np.unique(task.sequences[:, -1], return_inverse=True)
    keys = np.column_stack([task.sequences[:, :-1], task.answers])
    columns = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    shared = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(drawn), columns.max() + 1))
    among: np.ndarray = np.asarray(shared.sum(axis=0))
    of: np.ndarray = np.asarray(shared.sum(axis=1))
    # Fewer vectors than dimensions have no common directions to find.
    vectors = drawn
    for _ in range(ALIKE if len(vectors) > vectors.shape[1] + 1 else 0):
        vectors = (shared @ ((shared.T @ vectors) / among[:, None])) / of[:, None]
        vectors = vectors - vectors.mean(axis=0)
        # Without this, all would end in one direction.
        whiten(vectors)
    if vectors.shape[1] == 2:
        turns = np.argsort(np.argsort(np.arctan2(vectors[:, 1], vectors[:, 0]), kind="stable"))
        angles = 2 * np.pi * turns / len(vectors)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    vectors = normalized(vectors)
    return normalized(np.sqrt(1 - OWN**2) * vectors + OWN * normalized(drawn)) if many(task) else vectors


def normalized(vectors: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "m d"]:
    """Return vectors of length one."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def pointed_at(model: TokenModel, task: Associations) -> Float[np.ndarray, "N d"]:
    """Return for every answer the mean direction of its sequences' representations, zeros for other tokens."""
    encoded = np.concatenate(
        [model.encode(task.sequences[rows]) for rows in chunks(task.associations, model.row_bytes())]
    )
    lengths = np.linalg.norm(encoded, axis=1, keepdims=True)
    rows = np.zeros((task.vocabulary_size, model.embedding_dim))
    np.add.at(rows, task.answers, encoded / lengths)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    logits = CIRCLE_LOGITS if model.embedding_dim == 2 else MANY_LOGITS if many(task) else LOGITS
    return rows / np.maximum(norms, 1e-12) * logits / np.sqrt(np.mean(lengths**2))
