"""Random attention: embeddings, positions and heads whose features are far from degenerate."""

from dataclasses import replace

import numpy as np
import scipy.linalg
from jaxtyping import Float

from attncap.construct.given import Embeddings
from attncap.models import AttentionOnlyTransformer, TokenModel
from attncap.numerics.memory import chunks
from attncap.progress import bar, track
from attncap.tasks import Associations

BETAS = (1.0, 3.0, 8.0, 16.0, 32.0, 64.0, 128.0)
PROBE_ROWS = 512


def draw(
    task: Associations,
    embedding_dim: int,
    head_dim: int,
    heads: int,
    beta: float,
    seed: int,
    query_key_rank: int | None = None,
    given: Embeddings | None = None,
) -> AttentionOnlyTransformer:
    r"""Draw attention at random, ready for its output matrices to be solved for.

    $e, p \sim \mathcal N(0, I/d)$; $W_Q, W_K$ Gaussian, scaled so that the scores have standard deviation
    $\beta$ on the task; $W_V = I$ if $d_h = d$, else orthonormal rows. Everything is rounded to bfloat16, so that
    a cast of the finished model leaves these weights as they are.

    Args:
        task: gives the vocabulary, the context and the sequences that set the scale of the scores.
        embedding_dim: $d$.
        head_dim: $d_h$.
        heads: $H$.
        beta: standard deviation of the attention scores.
        query_key_rank: rank $r$ of $W_Q^\top W_K$; $d_h$ by default.
        given: embeddings that are not drawn; there are then no positions.
        seed: of the draw; the first heads of two draws that differ in ``heads`` alone are not the same.

    Returns:
        A float64 model whose output matrices are zero.
    """
    rng = np.random.default_rng(seed)
    rank = head_dim if query_key_rank is None else query_key_rank
    embedding = rng.standard_normal((task.vocabulary_size, embedding_dim)) / np.sqrt(embedding_dim)
    position = rng.standard_normal((task.context, embedding_dim)) / np.sqrt(embedding_dim)
    if given is not None:
        embedding, position = given.embedding, np.zeros_like(position)
    query, key = (rng.standard_normal((heads, rank, embedding_dim)) for _ in range(2))
    probe = _probe(task, rng)
    x = (embedding[probe] + position).reshape(-1, embedding_dim)
    last = embedding[probe[:, -1]] + position[-1]
    # Independent Gaussians: Var(score) = |x_S|^2 |x_s|^2 r for unit entries.
    spread = np.sqrt(rank * np.mean(np.sum(last**2, axis=1)) * np.mean(np.sum(x**2, axis=1)))
    scale = np.sqrt(beta / spread)
    if head_dim == embedding_dim:
        value = np.broadcast_to(np.eye(embedding_dim), (heads, embedding_dim, embedding_dim))
    else:
        value = np.linalg.qr(rng.standard_normal((heads, embedding_dim, head_dim)))[0].transpose(0, 2, 1)
    model = AttentionOnlyTransformer(
        embedding=embedding,
        position=position,
        query=query * scale,
        key=key * scale,
        value=value,
        output=np.zeros((heads, embedding_dim, head_dim)),
        unembedding=unit_rows(rng, task, embedding_dim),
    )
    rounded = model.astype("bfloat16").astype("float64")
    return rounded if given is None else replace(rounded, embedding=given.embedding, unembedding=given.unembedding)


def unit_rows(rng: np.random.Generator, task: Associations, dim: int) -> Float[np.ndarray, "N d"]:
    """Return unit rows for the tokens that occur as answers (points on the circle for d = 2), zero for the others.

    The others then have logit 0 against 1 for the right answer: they cannot win, and take no room on the sphere.
    """
    used = np.unique(task.answers)
    rows = np.zeros((task.vocabulary_size, dim))
    if dim == 2:
        angles = 2 * np.pi * rng.permutation(len(used)) / len(used)
        rows[used] = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        drawn = rng.standard_normal((len(used), dim))
        rows[used] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return rows


def features(model: TokenModel, task: Associations) -> Float[np.ndarray, "T F"]:
    r"""Return $[X\ Z]$: the skip connection's rows beside the heads' value outputs, (T, d + H d_h).

    Of several layers, what is carried past the last linear map, and what it reads.
    """
    dim = model.embedding_dim
    matrix = np.empty((task.associations, dim + len(model.readout)), model.embedding.dtype)
    with bar("attention features", task.associations) as advance:
        for rows in chunks(task.associations, model.row_bytes()):
            matrix[rows, :dim], matrix[rows, dim:] = model.split(task.sequences[rows])
            advance(rows.stop - rows.start)
    return matrix


def choose_beta(
    task: Associations, embedding_dim: int, head_dim: int, heads: int, seed: int, query_key_rank: int | None = None
) -> float:
    r"""Scan the standard deviation $\beta$ of the scores for the best conditioned features.

    Hard attention (large $\beta$) separates sequences until it ignores tokens that tell them apart. A sample of
    the sequences with as many heads a sequence stands for the whole: first the largest numerical rank counts,
    then the smallest condition number.

    Returns:
        One of `BETAS`.
    """
    rng = np.random.default_rng(seed)
    rows = _probe(task, rng)
    sample = replace(task, sequences=rows, answers=task.answers[: len(rows)], surprisal=task.surprisal[: len(rows)])
    fewer = max(1, round(heads * len(rows) / task.associations))

    def quality(beta: float) -> tuple[int, float]:
        matrix = features(draw(sample, embedding_dim, head_dim, fewer, beta, seed, query_key_rank), sample)
        values = scipy.linalg.svdvals(matrix / np.linalg.norm(matrix, axis=0), check_finite=False)
        kept = values[values > 1e-11 * values[0]]
        return len(kept), float(kept[-1] / kept[0])

    return max(track(BETAS, "attention temperature"), key=quality)


def select_heads(model: AttentionOnlyTransformer, task: Associations, heads: int) -> AttentionOnlyTransformer:
    """Keep the heads of a pool that add the most to the span of the features, chosen greedily.

    Each step takes the head whose features, freed of what is chosen already, have the largest smallest
    singular value.

    Args:
        model: the pool.
        task: the sequences that the features are taken on.
        heads: how many to keep.

    Returns:
        The model with these heads alone.
    """
    matrix = features(model, task)
    skip, pool = matrix[:, : model.embedding_dim], matrix[:, model.embedding_dim :]
    residual = pool.reshape(len(pool), model.heads, model.head_dim).transpose(1, 0, 2).copy()
    residual /= np.linalg.norm(residual, axis=1, keepdims=True)
    basis = np.linalg.qr(skip)[0]
    chosen: list[int] = []
    for _ in track(range(heads), "choose heads"):
        residual -= basis @ (basis.T @ residual)
        smallest = np.linalg.eigvalsh(residual.transpose(0, 2, 1) @ residual)[:, 0]
        smallest[chosen] = -1.0
        chosen.append(int(np.argmax(smallest)))
        basis = np.linalg.qr(residual[chosen[-1]])[0]
    kept = {name: getattr(model, name)[chosen] for name in ("query", "key", "value", "output")}
    return replace(model, **kept)


def _probe(task: Associations, rng: np.random.Generator) -> np.ndarray:
    rows = min(PROBE_ROWS, task.associations)
    return task.sequences[np.sort(rng.choice(task.associations, rows, replace=False))]
