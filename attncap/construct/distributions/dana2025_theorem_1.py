"""Distribution mode: weights whose next-token distributions are those of the best rank-d encoder."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
from jaxtyping import Float

from attncap import measure
from attncap.construct.associations.dana2025_theorem_1 import SLACK, attempts, attention_of, balance
from attncap.construct.associations.gauge import fold
from attncap.construct.associations.random_attention import features
from attncap.construct.distributions.dana2025_theorem_2 import lookup_bound
from attncap.construct.distributions.encoder import Encoder, encode
from attncap.errors import InputError, UnmetError
from attncap.fits.count import capacity_of, check_shape, least_heads
from attncap.fits.fit import Fit, Shape
from attncap.models import DTYPES, AttentionOnlyTransformer
from attncap.numerics.linear import minimum_norm
from attncap.tasks import Associations, Distributions

if TYPE_CHECKING:
    from rich.console import RenderableType

# The divergence above the encoder's, in nats, that rounding to each type may cost.
EXCESS = {"float64": 1e-9, "float32": 1e-6, "bfloat16": 1e-2}
# Storing as many sequences as the count allows leaves no freedom for the others: their logits then run wild.
STORED = 0.9


@dataclass(frozen=True, kw_only=True)
class DistributionFit(Fit):
    r"""A model that memorized distributions, beside the encoder that bounds it and the theory's bounds.

    Attributes:
        encoder: the best rank-$d$ encoder found; its ``kl`` cannot be beaten by this $d$ if it is the optimum.
        kl: $\sum_t w_t \mathrm{KL}(\pi_t \| p_t)$ in nats, the weights rounded to each type.
        excess: ``kl`` less the encoder's, in nats.
        stored: the number $T_\varepsilon$ of most likely sequences whose encoding is exact.
        epsilon: $\varepsilon$, the probability of the others.
        bounds: of the excess in nats: "paper" ($C \varepsilon |W E|_2$ of Theorem 1) and "quadratic"
            ($\sum_t w_t |W \delta E_t|^2 / 4$); and "theorem2", which bounds the encoder's divergence itself
            (None where its constant is too large for it to hold).
    """

    encoder: Encoder
    kl: dict[str, float]
    excess: dict[str, float]
    stored: int
    epsilon: float
    bounds: dict[str, float | None]

    def __rich__(self) -> "RenderableType":
        from rich.console import Group
        from rich.table import Table

        shape, encoder = self.shape, self.encoder
        head = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        head.add_row("task", f"{self.task.name}: {self.task.associations:,} next-token distributions")
        head.add_row("", f"{self.task.vocabulary_size:,} tokens, sequences of {self.task.context}")
        for note in self.task.notes:
            head.add_row("", note)
        head.add_row("shape", f"{shape.heads} heads of {shape.head_dim}, embedding dimension {shape.embedding_dim}")
        head.add_row("", f"{shape.parameters:,} parameters")
        head.add_row("stored", f"{self.stored:,} exactly; the others have probability {self.epsilon:.3g}")
        head.add_row("encoder", f"KL {encoder.kl:.6g} nats (SVD {encoder.kl_svd:.6g}), entropy {encoder.entropy:.6g}")
        if self.epsilon:
            bounds = ", ".join(f"{self.bounds[name]:.3g} ({name})" for name in ("quadratic", "paper"))
            head.add_row("excess at most", bounds)
        head.add_row("method", f"{self.method}, seed {self.seed}, {self.seconds:.1f} s")
        columns = ("weights in", "KL (nats)", "excess (nats)", "most likely token recalled")
        table = Table(*columns, box=None, padding=(0, 2, 0, 0))
        for dtype, recall in self.recall.items():
            table.add_row(dtype, f"{self.kl[dtype]:.6g}", f"{self.excess[dtype]:.2g}", f"{recall.accuracy:.2%}")
        return Group(head, "", table)


def distribution(
    task: Distributions,
    embedding_dim: int = 64,
    head_dim: int | None = None,
    heads: int | None = None,
    *,
    stored: int | None = None,
    starts: int | None = None,
    dtype: str = "float32",
    seed: int = 0,
) -> DistributionFit:
    r"""Construct weights whose next-token distributions are as near to the task's as rank $d$ allows.

    The targets of the linear solve are the encodings $E_t$ of the best rank-$d$ encoder, the unembedding is its $W$.
    If $H$ heads hold all sequences (the corrected count), nothing but rounding separates the model from the encoder.
    Else the most likely sequences are stored exactly and the others fitted by least squares.

    Args:
        task: sequences with their distributions.
        embedding_dim: $d$, at least 2.
        head_dim: $d_h \le d$; $d$ by default.
        heads: $H$; by default the smallest number that stores every sequence.
        stored: how many sequences to store exactly where ``heads`` cannot hold all; by default nine tenths of what
            they hold.
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
    modes = task.modes
    count = heads or least_heads(modes, embedding_dim, head_dim, SLACK[dtype])
    held = capacity_of(modes, embedding_dim, head_dim, count)["rank"]
    whole = held >= task.count
    kept = task.count if whole else int(STORED * held) if stored is None else stored
    if not 0 <= kept <= min(held, task.count):
        raise InputError(f"stored: expected 0 to {min(held, task.count):,}, what {count} heads hold, got {kept:,}")
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
            f"{task.name}: {attempt.heads} heads leave {excess[dtype]:.2g} nats above the encoder in {dtype} "
            f"(expected at most {EXCESS[dtype]:g}); give more --heads or a wider --dtype"
        )
    shape = Shape.of(model)
    order = np.argsort(-task.weight, kind="stable")
    return DistributionFit(
        task=modes,
        shape=shape,
        method="distribution",
        capacity=capacity_of(modes, embedding_dim, head_dim, attempt.heads),
        recall=measure.verify(model, settled),
        bits_per_parameter=measure.bits(model, settled, dtype) / shape.parameters,
        dtype=dtype,
        seed=seed,
        details={"beta": attempt.beta, "pool": attempt.pool},
        seconds=time.perf_counter() - started,
        model=model,
        encoder=encoder,
        kl=kl,
        excess=excess,
        stored=kept,
        epsilon=float(task.weight[order[kept:]].sum()),
        bounds=limits | {"theorem2": lookup_bound(task, embedding_dim)},
    )


def _settled(task: Distributions) -> Associations:
    """Return the associations whose answer is the only most likely token: what recall can be counted on."""
    modes, clear = task.modes, ~task.tied
    return modes if clear.all() or not clear.any() else modes.subset(clear)


def _solve(
    model: AttentionOnlyTransformer, task: Distributions, encoder: Encoder, stored: int
) -> tuple[AttentionOnlyTransformer, dict[str, float | None]]:
    """Solve for the output matrices; return the model and the bounds of its excess."""
    dim = model.embedding_dim
    matrix = features(model, task.modes)
    skip = matrix[:, :dim].copy()
    unembedding, encoding = _orthonormal(encoder, skip)
    scale = balance(matrix, dim)
    wanted = encoding - skip
    order = np.argsort(-task.weight, kind="stable")
    first, rest = order[:stored], order[stored:]
    departure = minimum_norm(matrix[first], wanted[first]) if stored else np.zeros((matrix.shape[1], dim))
    if len(rest):
        departure += _least_squares(matrix, wanted - matrix @ departure, task.weight, first, rest)
    solution = np.eye(len(departure), dim) + scale[:, None] * departure
    size = np.linalg.norm(unembedding, axis=0).max()
    error = (matrix @ departure - wanted)[:, : np.linalg.matrix_rank(unembedding)] * size
    limits: dict[str, float | None] = {
        "paper": _theorem_bound(matrix, first, float(task.weight[rest].sum()), float(np.linalg.norm(encoder.logits, 2)))
        if len(rest)
        else 0.0,
        "quadratic": float(task.weight @ (error**2).sum(axis=1)) / 4,
    }
    return fold(replace(model, unembedding=unembedding), solution[:dim], solution[dim:]), limits


def _orthonormal(encoder: Encoder, skip: Float[np.ndarray, "T d"]) -> tuple[np.ndarray, np.ndarray]:
    """Choose the gauge: orthogonal unembedding columns of one size, encodings as large as the skip connection's rows.

    Directions that the unembedding does not read are free; there the skip connection stays as it is.
    """
    left, values, right = np.linalg.svd(encoder.unembedding, full_matrices=False)
    rank = int((values > 1e-12 * values[0]).sum())
    moved = encoder.encoding @ (right[:rank].T * values[:rank])
    size = max(np.sqrt((moved**2).mean() / (skip**2).mean()), np.finfo(float).tiny)
    unembedding, encoding = np.zeros_like(encoder.unembedding), skip.copy()
    unembedding[:, :rank], encoding[:, :rank] = left[:, :rank] * size, moved / size
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


def _theorem_bound(matrix: np.ndarray, first: np.ndarray, epsilon: float, norm: float) -> float:
    r"""Return $C \varepsilon |W E|_2$, $C = (1 + |(P_1 V P_1^\top)^{-1}|^2)^{1/2}$.

    $V$ projects onto the span of the features, $P_1$ picks the stored sequences.
    """
    basis, triangle = scipy.linalg.qr(matrix, mode="economic", pivoting=True, check_finite=False)[:2]
    diagonal = abs(np.diag(triangle))
    basis = basis[:, diagonal > 1e-12 * diagonal[0]]
    if len(first) > basis.shape[1]:
        return float("inf")
    smallest = scipy.linalg.svdvals(basis[first])[-1] if len(first) else 1.0
    return float(np.sqrt(1 + smallest**-4.0) * epsilon * norm) if smallest > 0 else float("inf")
