"""Distribution mode: weights whose next-token distributions are those of the best rank-d encoder."""

import time
from dataclasses import replace

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from attncap import measure
from attncap.constraints import Count, Natural, Seed, Share, checked
from attncap.construct.associations.attempts import SLACK, attempts, attention_of
from attncap.construct.associations.gauge import fold
from attncap.construct.associations.linear_system import LinearSystem
from attncap.construct.distributions.dana2025_theorem_2 import lookup_bound
from attncap.construct.distributions.encoder import Encoder, encode
from attncap.construct.distributions.fit import DistributionFit
from attncap.errors import InputError, UnmetError
from attncap.fits import TokenShape, capacity_of, check_shape, counts, least_heads
from attncap.methods import SHARE
from attncap.models import DTYPES, AttentionOnlyTransformer
from attncap.models.precision import DtypeName
from attncap.numerics.linear import minimum_norm
from attncap.result import several
from attncap.tasks import Associations, Distributions

# The divergence above the encoder's, in nats, that rounding to each type may cost.
EXCESS = {"float64": 1e-9, "float32": 1e-6, "bfloat16": 1e-2}


@checked
def distribution(
    task: Distributions,
    embedding_dim: Count = 64,
    head_dim: Count | None = None,
    heads: Count | None = None,
    *,
    stored: Natural | None = None,
    epsilon: Share | None = None,
    starts: Count | None = None,
    dtype: DtypeName = "float32",
    seed: Seed = 0,
) -> DistributionFit:
    r"""Construct weights whose next-token distributions are as near to the task's as rank $d$ allows.

    The targets of the linear solve are the encodings $E_t$ of the best rank-$d$ encoder, the unembedding is its $W$.
    If $H$ heads hold all sequences (the corrected count), nothing but rounding separates the model from the encoder.
    Else the most likely sequences are stored exactly and the others, of probability $\varepsilon$ together, fitted by
    least squares: Theorem 1 asks for $H d_h + d \ge T_\varepsilon$, the fewest sequences of probability
    $1 - \varepsilon$.

    Args:
        task: sequences with their distributions.
        embedding_dim: $d$, at least 2.
        head_dim: $d_h \le d$; $d$ by default.
        heads: $H$; by default the fewest that store every sequence, or of which nine tenths hold what is to be stored.
        stored: how many sequences to store exactly where ``heads`` cannot hold all; by default nine tenths of what
            they hold, as the full count leaves the logits of the others to chance.
        epsilon: $\varepsilon$, in place of ``stored``: store the $T_\varepsilon$ most likely sequences.
        starts: of `encode`.
        dtype: the type whose excess must be small.
        seed: of every random draw.

    Returns:
        The verified fit.

    Raises:
        InputError: a shape that no model has, or a task without sequences.
        UnmetError: more to be stored than the heads hold, or an excess that rounding leaves, with the numbers.

    Example:
        >>> from attncap.tasks import distributions
        >>> pi = np.random.default_rng(0).dirichlet(np.ones(12), size=100)
        >>> sequences = [[i, j] for i in range(10) for j in range(10)]
        >>> fit = distribution(distributions(pi, sequences=sequences), embedding_dim=4, starts=1)
        >>> fit.shape.heads, fit.stored, fit.excess["float64"] < 1e-9, fit.excess["float32"] < 1e-6
        (24, 100, True, True)

    Source: Dana, Pydi, Chevaleyre 2025, Theorem 1 (arXiv 2411.10115); the quadratic bound is this project's.
    """
    started = time.perf_counter()
    head_dim = embedding_dim if head_dim is None else head_dim
    check_shape(embedding_dim, head_dim, heads, dtype)
    if stored is not None and epsilon is not None:
        raise InputError("stored", "none where epsilon decides", stored)
    modes = task.modes
    asked = stored if epsilon is None else task.fewest_likely(epsilon)
    count = heads or _least_heads(task, embedding_dim, head_dim, asked, SLACK[dtype])
    held = min(capacity_of(modes, embedding_dim, head_dim, count)["rank"], task.count)
    whole = held == task.count
    kept = held if whole else int(SHARE * held) if asked is None else asked
    if not 0 <= kept <= held:
        raise InputError("stored", f"0 to {held:,}, what {several(count, 'head')} can hold", kept)
    encoder = encode(task, embedding_dim, starts=starts, seed=seed)
    settled = _settled(task)
    for attempt in attempts(modes, embedding_dim, head_dim, count, heads is None, seed):
        model = attention_of(modes, embedding_dim, head_dim, attempt, seed)
        model, limits = _solve(model, task, encoder, kept)
        kl = {str(name): measure.divergence(model, task, name) for name in DTYPES}
        excess = {name: value - encoder.kl for name, value in kl.items()}
        if not whole or (excess["float64"] <= EXCESS["float64"] and excess[dtype] <= EXCESS[dtype]):
            break
    else:
        raise UnmetError(
            f"{task.name}: {several(attempt.heads, 'head', 'leave')} {excess[dtype]:.2g} nats above the encoder in "
            f"{dtype} (expected at most {EXCESS[dtype]:g}); give more heads or a wider dtype"
        )
    return DistributionFit(
        task=modes,
        shape=TokenShape.of(model, settled, dtype),
        method="distribution",
        capacity=capacity_of(modes, embedding_dim, head_dim, attempt.heads),
        recall=measure.verify(model, settled),
        **counts(model, settled, dtype, "distribution"),
        dtype=dtype,
        seed=seed,
        details={"beta": attempt.beta, "pool": attempt.pool},
        seconds=time.perf_counter() - started,
        model=model,
        encoder=encoder,
        kl=kl,
        excess=excess,
        stored=kept,
        epsilon=task.left_out(kept),
        bounds=limits
        | {
            "theorem2": lookup_bound(task, embedding_dim),
            "theorem2_published": lookup_bound(task, embedding_dim, published=True),
        },
    )


def _least_heads(task: Distributions, embedding_dim: int, head_dim: int, asked: int | None, slack: float) -> int:
    """Return the fewest heads that hold every sequence, or of which nine tenths hold those asked for."""
    if asked is None or asked >= task.count:
        return least_heads(task.modes, embedding_dim, head_dim, slack)
    if asked < 0:
        raise InputError("stored", f"0 to {task.count:,}", asked)
    return least_heads(task.likely(asked), embedding_dim, head_dim, slack / SHARE)


def _settled(task: Distributions) -> Associations:
    """Return the associations whose answer is the only most likely token: what recall can be counted on."""
    modes, clear = task.modes, ~task.tied
    return modes if clear.all() or not clear.any() else modes.subset(clear)


def _solve(
    model: AttentionOnlyTransformer, task: Distributions, encoder: Encoder, stored: int
) -> tuple[AttentionOnlyTransformer, dict[str, float | None]]:
    """Solve for the output matrices; return the model and the bounds of its excess."""
    dim = model.embedding_dim
    system = LinearSystem.of(model, task.modes)
    matrix = system.matrix
    unembedding, encoding = _orthonormal(encoder, system.skip)
    wanted = encoding - system.skip
    order = task.likely_first
    first, rest = order[:stored], order[stored:]
    departure = minimum_norm(matrix[first], wanted[first]) if stored else np.zeros((matrix.shape[1], dim))
    if len(rest):
        departure += _least_squares(matrix, wanted - matrix @ departure, task.weight, first, rest)
    solution = system.solution(departure)
    size = np.linalg.norm(unembedding, axis=0).max()
    error = (matrix @ departure - wanted)[:, : np.linalg.matrix_rank(unembedding)] * size
    paper = (
        theorem_constant(matrix, first) * task.left_out(stored) * np.linalg.norm(encoder.logits, 2)
        if len(rest)
        else 0.0
    )
    limits: dict[str, float | None] = {
        "paper": float(paper),
        "quadratic": float(task.weight @ (error**2).sum(axis=1)) / 4,
    }
    return fold(replace(model, unembedding=unembedding), solution[:dim], solution[dim:]), limits


def _orthonormal(encoder: Encoder, skip: Float[np.ndarray, "T d"]) -> tuple[np.ndarray, np.ndarray]:
    """Choose the gauge: orthogonal unembedding columns of one size, encodings as large as the skip connection's rows.

    Directions in which the logits vanish are free; there the skip connection stays as it is. Encodings of rank below
    theirs would leave the skip connection without inverse.
    """
    basis, triangle = np.linalg.qr(encoder.unembedding)
    left, values, right = np.linalg.svd(encoder.encoding @ triangle.T, full_matrices=False)
    rank = int((values > 1e-12 * values[0]).sum())
    moved = left[:, :rank] * values[:rank]
    size = np.sqrt((moved**2).sum() / max(1, moved.size) / (skip**2).mean())
    unembedding, encoding = np.zeros_like(encoder.unembedding), skip.copy()
    unembedding[:, :rank], encoding[:, :rank] = basis @ right[:rank].T * size, moved / size
    return unembedding, encoding


def _least_squares(
    matrix: np.ndarray, wanted: np.ndarray, weight: np.ndarray, first: np.ndarray, rest: np.ndarray
) -> Float[np.ndarray, "F d"]:
    """Fit the rest, weighted, within what leaves the first rows as they are."""
    if len(first) >= matrix.shape[1]:
        return np.zeros((matrix.shape[1], wanted.shape[1]))
    free = scipy.linalg.qr(matrix[first].T, check_finite=False)[0][:, len(first) :]
    each = np.sqrt(weight[rest])[:, None]
    return free @ minimum_norm(each * (matrix[rest] @ free), each * wanted[rest])


def theorem_constant(matrix: Float[np.ndarray, "T F"], first: Int[np.ndarray, " k"]) -> float:
    r"""Return Theorem 1's constant $C = \sqrt{1 + |V^{-1}|^2}$ of features and of the sequences stored exactly.

    With an orthonormal basis $A$ of the features' span and $P$ picking the stored sequences, $P A = U \Sigma R^\top$;
    the paper's $V$ is what the stored encodings are divided by, so that $|V^{-1}| = 1 / \sigma$ with the least singular
    value $\sigma$ of $P A$.

    Args:
        matrix: the features, a row a sequence.
        first: the stored sequences.

    Returns:
        $C = \sqrt{1 + \sigma^{-2}}$; infinity where the stored rows are dependent.

    Example:
        >>> round(theorem_constant(np.eye(3)[:, :2], np.array([0, 1])) ** 2, 6)
        2.0
    """
    basis, triangle = scipy.linalg.qr(matrix, mode="economic", pivoting=True, check_finite=False)[:2]
    diagonal = abs(np.diag(triangle))
    basis = basis[:, diagonal > 1e-12 * diagonal[0]]
    if len(first) > basis.shape[1]:
        return float("inf")
    smallest = scipy.linalg.svdvals(basis[first])[-1] if len(first) else 1.0
    return float(np.sqrt(1 + smallest**-2.0)) if smallest > 0 else float("inf")
