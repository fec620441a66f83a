r"""The interpolation error of a layer's own attention on its own inputs, beside what the limit predicts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attncap.audit.transformer import Transformer
from attncap.interpolation import Activation, error
from attncap.interpolation.simulate import interpolation_error, labels
from attncap.result import Result

# Tokens taken for each embedding dimension, the ridge of the probe, and draws of the labels.
RATIO, RIDGE, DRAWS = 0.5, 0.1, 4


@dataclass(frozen=True)
class OwnInterpolation(Result):
    r"""Random balanced labels on a layer's own tokens, read by a ridge probe behind one head.

    Attributes:
        ratio: $c = d/n$.
        ridge: $\gamma$.
        measured: mean of the error over the heads and the draws.
        gaussian: the same of the heads' own scores on Gaussian tokens of the same covariance.
        predicted: the limit at the heads' own $a_1$ and $\nu$, query-key matrices being the identity.
        predicted_random: the limit with random query-key matrices.
        linear_regression: the limit without attention.
        beta: mean standard deviation of the scores of a token with the others.
        heads: how many were taken.
    """

    ratio: float
    ridge: float
    measured: float
    gaussian: float
    predicted: float
    predicted_random: float
    linear_regression: float
    beta: float
    heads: int


def own_interpolation(
    model: Transformer, layer: int, tokens: Float[np.ndarray, "n d"], *, heads: int = 4, seed: int = 0
) -> OwnInterpolation:
    r"""Measure how well labels are memorized in context behind a layer's own attention, and predict it.

    $K = (n/\sqrt d)\,\mathrm{softmax}(S)$, the diagonal masked, $S$ the head's own scores between the tokens (without
    rotary positions, for the tokens come from many texts); the probe reads $X K/\sqrt n$ with X centred and scaled to
    a mean eigenvalue of 1. What the limit assumes and real tokens break: iid Gaussian entries, and scores of one kind.

    Args:
        model: whose attention.
        layer: its number.
        tokens: what the layer's attention sees, one a row.
        heads: how many heads are taken at most.
        seed: of the labels.
    """
    rng = np.random.default_rng(seed)
    data = tokens.astype(np.float64).T
    data = data - data.mean(axis=1, keepdims=True)
    data /= np.sqrt((data**2).mean()) or 1.0
    dim, count = data.shape
    left, values, _ = np.linalg.svd(data, full_matrices=False)
    surrogate = left * (values / np.sqrt(count)) @ rng.standard_normal((len(values), count))
    chosen = np.unique(np.linspace(0, model.settings.heads - 1, heads).round().astype(int)).tolist()
    both = [[_measure(model, layer, head, each, rng) for each in (data, surrogate)] for head in chosen]
    own = [real for real, _ in both]
    kinds = [Activation("own", a1=a1, nu=max(nu, a1**2)) for _, a1, nu, _ in own]
    limits = {kind: [_limit(each, dim / count, kind) for each in kinds] for kind in (False, True)}
    return OwnInterpolation(
        ratio=dim / count,
        ridge=RIDGE,
        measured=float(np.mean([found[0] for found in own])),
        gaussian=float(np.mean([twin[0] for _, twin in both])),
        predicted=float(np.mean([limit for limit, _ in limits[False]])),
        predicted_random=float(np.mean([limit for limit, _ in limits[True]])),
        linear_regression=limits[False][0][1],
        beta=float(np.mean([found[3] for found in own])),
        heads=len(chosen),
    )


def _limit(own: Activation, ratio: float, random: bool) -> tuple[float, float]:
    found = error(own, ratio=ratio, ridge=RIDGE, diagonal="zero", random_scores=random)
    return float(found.theory), float(found.linear_regression)


def _measure(
    model: Transformer, layer: int, head: int, data: Float[np.ndarray, "d n"], rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Return the error, a1, nu and the spread of the scores of one head."""
    size, weights = model.settings.head_dim, model.layers[layer]
    share = model.settings.heads // model.settings.key_heads
    query = weights["query"][:, head * size : (head + 1) * size].astype(np.float64)
    key = weights["key"][:, head // share * size : (head // share + 1) * size].astype(np.float64)
    scores = (key.T @ data).T @ (query.T @ data) / np.sqrt(size)
    count, dim = len(scores), len(data)
    off = ~np.eye(count, dtype=bool)
    columns = scores.T[off].reshape(count, count - 1)
    centred = columns - columns.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    z = centred / np.where(spread > 0, spread, 1)
    raised = np.exp(columns - columns.max(axis=1, keepdims=True))
    own = raised / raised.sum(axis=1, keepdims=True)
    excess = (count - 1) * own - 1
    attention = np.zeros((count, count))
    attention.T[off] = own.ravel()
    output = data @ attention * (np.sqrt(count) / np.sqrt(dim))
    y = labels(count)
    errors = [interpolation_error(output, rng.permutation(y), np.array([RIDGE]))[0] for _ in range(DRAWS)]
    return float(np.mean(errors)), float((z * excess).mean()), float((excess**2).mean()), float(spread.mean())
