"""How many numbers of a model a task can feel: parameters in use, and degrees of freedom."""

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int
from scipy.special import softmax

from attncap.constraints import checked
from attncap.errors import InputError
from attncap.models import AttentionOnlyTransformer, Perceptron, TokenModel, chunks
from attncap.numerics.memory import require
from attncap.numerics.rank import rank
from attncap.tasks import Associations


@checked
def answers_in_use(task: Associations) -> Int[np.ndarray, " n"]:
    """Return the tokens that are answers."""
    return np.unique(task.answers)


@checked
def parameters_in_use(model: TokenModel, task: Associations) -> int:
    """Return the free parameters less the embedding rows of tokens never read and unembedding rows never answered.

    Positions that are all zero, because every token stands at one place, do not count either.

    Args:
        model: whose parameters.
        task: what it is asked.

    Example:
        >>> from attncap.construct import theorem
        >>> from attncap.tasks import associations
        >>> task = associations([[0, 1], [1, 0]], [2, 3], vocabulary=4)
        >>> model = theorem(task, embedding_dim=2, heads=1).model
        >>> model.parameters["total"], parameters_in_use(model, task)
        (36, 28)
    """
    rows = len(np.setdiff1d(model.readable, task.sequences)) + len(np.setdiff1d(model.candidates, task.answers))
    if not isinstance(model, Perceptron) and not model.position.any():
        rows += model.context
    return model.parameters["total"] - model.embedding_dim * rows


@checked
def layer_parameters(model: TokenModel) -> int:
    r"""Return the free parameters without embeddings, positions and unembedding.

    A head's $W_O W_V$ counts as one $d \times d$ matrix where that is fewer numbers than its two factors.

    Args:
        model: whose parameters.

    Example:
        >>> from attncap.construct import theorem
        >>> from attncap.tasks import random_associations
        >>> model = theorem(random_associations(9, 2, 30), embedding_dim=6, query_key_rank=1).model
        >>> model.heads, model.parameters["query_key"], model.parameters["output_value"], layer_parameters(model)
        (4, 48, 288, 192)
    """
    outside = model.parameters["embedding"] + model.parameters["unembedding"]
    layer = int(model.parameters["total"] - outside)
    if not isinstance(model, AttentionOnlyTransformer):
        return layer
    factors = 2 * model.head_dim
    return layer - model.heads * model.embedding_dim * max(0, factors - model.embedding_dim)


@checked
def jacobian_entries(model: TokenModel, task: Associations) -> int:
    """Return how many entries the matrix has whose rank `degrees_of_freedom` takes."""
    return task.associations * model.embedding_dim * model.parameters["total"]


@checked
def degrees_of_freedom(model: TokenModel, task: Associations) -> int:
    r"""Return the rank of the Jacobian of the centred logits on a task's sequences by all parameters.

    Where all of $N > d$ tokens occur everywhere, it is $P - (2 H d_h^2 + d^2 + 2d)$: every head may change the basis
    of its queries and of its values, the encoding its own, and shifts of all logits and of embeddings against
    positions cost nothing. No task has more than $T(N-1)$.

    Args:
        model: one layer of attention; its weights are read in float64.
        task: whose sequences.

    Returns:
        The numerical rank.

    Raises:
        InputError: a model of several layers.
        UnmetError: not enough memory.
    """
    if not isinstance(model, AttentionOnlyTransformer):
        raise InputError(f"degrees of freedom: expected one layer of attention, got a {type(model).__name__}")
    require(10.0 * jacobian_entries(model, task), f"the Jacobian of {task.name}")
    model = model.astype("float64")
    candidates = model.unembedding[model.candidates]
    centred = candidates - candidates.mean(axis=0)
    values, right = np.linalg.svd(centred, full_matrices=False)[1:]
    seen = int((values > 1e-11 * values[0]).sum())
    encodings = model.encode(task.sequences)
    # Outside the span of the unembedding's columns its rows act alone; inside, they act with all other parameters.
    alone = (len(candidates) - 1 - seen) * rank(encodings) if len(candidates) - 1 > seen else 0
    if not seen:
        return alone
    columns = seen * model.embedding_dim + sum(t.size for n, t in model.tensors().items() if n != "unembedding")
    triangle = np.zeros((0, columns))
    for rows in chunks(task.associations, 8 * columns * model.embedding_dim):
        inner = right[:seen] * values[:seen, None]
        by_others = np.einsum("ri,tip->trp", inner, _encoding_jacobian(model, task.sequences[rows]))
        by_rows = np.einsum("rs,tk->trsk", np.eye(seen), encodings[rows]).reshape(*by_others.shape[:2], -1)
        piece = np.concatenate([by_others, by_rows], axis=2).reshape(-1, columns)
        triangle = scipy.linalg.qr(np.concatenate([triangle, piece]), mode="r", check_finite=False)[0]
        triangle = triangle[:columns]
    return alone + rank(triangle)


def _encoding_jacobian(
    model: AttentionOnlyTransformer, sequences: Int[np.ndarray, "t S"]
) -> Float[np.ndarray, "t d P"]:
    """Return the derivatives of the encodings by output, value, query, key, embedding and position, side by side."""
    count, context = sequences.shape
    dim, scale = model.embedding_dim, model.score_scale
    x = model.inputs(sequences)
    query = np.einsum("hrd,td->thr", model.query, x[:, -1])
    key = np.einsum("hrd,tsd->thsr", model.key, x)
    weights = softmax(scale * np.einsum("thr,thsr->ths", query, key), axis=2)
    mean = np.einsum("ths,tsd->thd", weights, x)
    matrices = np.matmul(model.output, model.value)
    # What a change of one score adds to the encoding.
    pull = scale * np.einsum("ths,hij,thsj->thsi", weights, matrices, x[:, None] - mean[:, :, None])
    by_input = np.einsum("ths,hij->tsij", weights, matrices)
    by_input += np.einsum("thsi,thr,hrj->tsij", pull, query, model.key)
    by_input[:, -1] += np.einsum("thsi,thsr,hrj->tij", pull, key, model.query)
    by_embedding = np.zeros((count, dim, model.vocabulary_size, dim))
    rows = np.arange(count)
    for place in range(context):
        by_embedding[rows, :, sequences[:, place]] += by_input[:, place]
    by_embedding[rows, :, sequences[:, -1]] += np.eye(dim)
    if model.residual_position:
        by_input[:, -1] += np.eye(dim)
    parts = (
        np.einsum("ik,thj->tihkj", np.eye(dim), np.einsum("hjd,thd->thj", model.value, mean)),
        np.einsum("hij,thk->tihjk", model.output, mean),
        np.einsum("thsi,thsr,tk->tihrk", pull, key, x[:, -1]),
        np.einsum("thsi,thr,tsk->tihrk", pull, query, x),
        by_embedding,
        by_input.transpose(0, 2, 1, 3),
    )
    return np.concatenate([part.reshape(count, dim, -1) for part in parts], axis=2)
