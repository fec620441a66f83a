"""The interpolation error as a question and its answer: predict, compare with ridge regression, simulate."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from attncap.constraints import Count, OneOf, Range, Seed, checked
from attncap.errors import InputError
from attncap.interpolation import simulate
from attncap.interpolation.activations import Activation
from attncap.interpolation.heads import COMBINED, Attention, Listed, assemble, memory
from attncap.interpolation.limit import predict
from attncap.interpolation.regression import Above, Finite, Strength, linear_regression
from attncap.numerics.memory import require
from attncap.result import Result, hidden, several

if TYPE_CHECKING:
    import polars as pl

Number = float | np.ndarray
MOST_HEADS = 100_000


class LimitWarning(UserWarning):
    """The limit is computed, but finite sizes are known to be far from it, or it was never compared with them."""


@dataclass(frozen=True)
class Simulated(Result):
    """Mean, standard deviation and standard error of the measured error over independent draws."""

    mean: Number
    std: Number
    stderr: Number
    seeds: int
    tokens: int


@dataclass(frozen=True)
class Interpolation(Result):
    r"""The interpolation error of one setting or of a grid.

    The sign of a comparison depends on the scale of f and on the ridge.

    Attributes:
        theory: the limit E, between 0 and 1.
        linear_regression: the limit for ridge regression on the tokens at the same ridge.
        a1, nu, diagonal_limit: Hermite data and the limit d of the diagonal (one each for several heads).
        simulated: what finite sizes gave, after ``simulate``.
        activation, ratio, ridge, snr, alignment: the question.
    """

    activation: str | list[str]
    ratio: Number
    ridge: Number
    snr: Number
    alignment: Number
    theory: Number
    linear_regression: Number
    a1: float | list[float]
    nu: float | list[float]
    diagonal_limit: float | list[float]
    simulated: Simulated | None = None
    attention: Attention | None = hidden(default=None)
    positive: float = hidden(default=0.5)

    @property
    def cites(self) -> tuple[str, ...]:
        """The paper of the limit."""
        return ("interpolation",)

    def frame(self) -> "pl.DataFrame":
        """Return one polars row for every point of the grid.

        Example:
            >>> error("relu", ratio=0.5, ridge=[0.1, 1.0]).frame().columns
            ['ratio', 'ridge', 'snr', 'alignment', 'theory', 'linear_regression']
        """
        import polars as pl

        columns = {name: getattr(self, name) for name in ("ratio", "ridge", "snr", "alignment")}
        columns |= {"theory": self.theory, "linear_regression": self.linear_regression}
        if self.simulated is not None:
            columns |= {f"simulated_{name}": getattr(self.simulated, name) for name in ("mean", "std", "stderr")}
        grid = np.broadcast_arrays(*columns.values())
        return pl.DataFrame({name: values.ravel() for name, values in zip(columns, grid, strict=True)})

    @checked
    def simulate(self, tokens: Annotated[int, Range(2)] = 1000, seeds: Count = 12, seed: Seed = 0) -> "Interpolation":
        """Measure the same setting at finite size.

        Args:
            tokens: n; p is c n.
            seeds: independent draws.
            seed: of the first draw.

        Returns:
            This result with ``simulated`` filled.

        Raises:
            InputError: too few tokens or draws.
            UnmetError: one draw would not fit into memory.

        Example:
            >>> result = error("tanh", ratio=0.5, ridge=1.0).simulate(tokens=200, seeds=4)
            >>> abs(result.simulated.mean - result.theory) < 0.05
            True
        """
        assert self.attention is not None
        if heads_coincide(self.attention) and np.min(self.ridge) * tokens * np.min(self.ratio) <= 1:
            message = "concatenated heads with one f read the same scores: at ridge <= 1/p the limit is slow to reach"
            warnings.warn(message, LimitWarning, stacklevel=2)
        values = measured(self, self.attention, tokens, seeds, seed)
        spread = values.std(axis=0, ddof=1) if seeds > 1 else np.zeros(values.shape[1:])
        result = Simulated(
            mean=scalar(values.mean(axis=0)),
            std=scalar(spread),
            stderr=scalar(spread / np.sqrt(seeds)),
            seeds=seeds,
            tokens=tokens,
        )
        return replace(self, simulated=result)


@checked
def error(
    activations: Listed,
    *,
    ratio: Above,
    ridge: Above,
    snr: Strength = 0.0,
    alignment: Finite = 0.0,
    diagonal: str | float | int = "zero",
    heads: Count = 1,
    combine: Annotated[str, OneOf(COMBINED)] = "concat",
    random_scores: bool = False,
    positive: Annotated[float, Range(0, 1, open=True)] = 0.5,
) -> Interpolation:
    r"""Predict the interpolation error of attention heads; arrays broadcast as in NumPy.

    Args:
        activations: f: a name, an expression in t, a function, ``softmax(beta)``; or a list of them, one a head.
        ratio: c = p/n > 0, embedding dimension over tokens.
        ridge: $\gamma$ > 0.
        snr: $\rho = |\mu|^2$ >= 0.
        alignment: $\kappa$; $w_K = w_Q = \kappa\mu/|\mu|$.
        diagonal: "zero" (no token attends to itself), "full", or the number that K_ii is set to.
        heads: copies of the list of activations.
        combine: "concat" (the probe reads all heads) or "sum".
        random_scores: query-key matrices with iid N(0, 1/p) entries, one a head, in place of the identity.
        positive: share of labels +1.

    Returns:
        The prediction, which can ``simulate`` itself.

    Raises:
        InputError: a value out of range; a full diagonal of a superlinear f; unbalanced labels where
            $a_2 \neq 0$, for which no theory is validated.

    Example:
        >>> result = error("tanh", ratio=0.5, ridge=1.0, snr=1.0, alignment=1.0, diagonal="full")
        >>> round(result.theory, 6)
        0.400298
    """
    c, g, rho, kappa = (np.asarray(value, dtype=np.float64) for value in (ratio, ridge, snr, alignment))
    broadcastable(c, g, rho, kappa)
    total = heads * (len(activations) if isinstance(activations, Sequence) and not isinstance(activations, str) else 1)
    if total > MOST_HEADS:
        raise InputError("heads", f"at most {MOST_HEADS:,} in all", total)
    groups = total if combine == "concat" else 1
    require(memory(groups, np.unique(c).size), f"the limit of {several(groups, 'head')}", "choose fewer heads")
    attention = assemble(
        activations,
        spike=(kappa**2)[..., None, None],
        diagonal=diagonal,
        heads=heads,
        combine=combine,
        random_scores=random_scores,
    )
    members = attention.heads
    chosen = [head.activation for head in members]
    warn(chosen, positive)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        theory = predict(attention, np.sqrt(rho)[..., None], c, g)
        baseline = np.broadcast_to(linear_regression(c, g, rho), theory.shape)
    return Interpolation(
        activation=single([each.name for each in chosen]),
        ratio=scalar(c),
        ridge=scalar(g),
        snr=scalar(rho),
        alignment=scalar(kappa),
        theory=scalar(theory),
        linear_regression=scalar(baseline),
        a1=single([each.a1 for each in chosen]),
        nu=single([each.nu for each in chosen]),
        diagonal_limit=single([0.0 if random_scores else head.diagonal_limit for head in members]),
        attention=attention,
        positive=positive,
    )


def broadcastable(*values: np.ndarray) -> None:
    """Refuse ranges that make no grid."""
    try:
        np.broadcast(*values)
    except ValueError:
        shapes = ", ".join(str(each.shape) for each in values)
        raise InputError(f"ratio, ridge, snr and alignment must broadcast. Got shapes {shapes}") from None


def warn(chosen: list[Activation], positive: float) -> None:
    """Say where the limit is not validated."""
    for each in chosen:
        if positive != 0.5 and abs(each.a2) > 1e-9:
            raise InputError(
                f"activation {each.name!r} has a2 = {each.a2:.3g}: with unbalanced labels (positive = {positive:g}) "
                "the theory is not validated; use positive 0.5 or an f with a2 = 0"
            )
        if each.beta > 1:
            warnings.warn(f"softmax at beta = {each.beta:g} > 1 converges slowly in n", LimitWarning, stacklevel=3)


def heads_coincide(attention: Attention) -> bool:
    """Tell whether two concatenated groups differ in nothing but their low-rank weights."""
    kinds = [tuple(head.activation for head in group) for group in attention.groups]
    return not attention.random and len(set(kinds)) < len(kinds)


def measured(result: Interpolation, heads: Attention, tokens: int, seeds: int, seed: int) -> np.ndarray:
    """Simulate every point of the grid; points that differ in the ridge alone share their draws."""
    grid = np.broadcast_arrays(result.ratio, result.ridge, result.snr, result.alignment)
    c, g, rho, kappa = (each.ravel() for each in grid)
    settings, case = np.unique(np.stack([c, rho, kappa], axis=1), axis=0, return_inverse=True)
    cases, members = [], []
    for index, (ratio, snr, alignment) in enumerate(settings):
        members.append(np.flatnonzero(case == index))
        attention = aligned(heads, alignment)
        cases.append((attention, np.array([np.sqrt(snr)]), max(1, round(ratio * tokens)), g[members[-1]]))
    found = simulate.simulate(cases, tokens, seeds, seed, result.positive)
    values = np.empty((seeds, len(g)))
    for points, measurement in zip(members, found, strict=True):
        values[:, points] = measurement
    return values.reshape(seeds, *grid[0].shape)


def aligned(attention: Attention, alignment: float) -> Attention:
    """Return the same heads at one alignment of the grid."""
    spike = np.array([[alignment**2]])
    groups = tuple(tuple(replace(head, spike=spike) for head in group) for group in attention.groups)
    return replace(attention, groups=groups)


def scalar(values: np.ndarray | np.float64) -> Number:
    """Return a number for an array without axes."""
    return values if isinstance(values, np.ndarray) and values.ndim else float(values)


def single(values: list) -> Any:
    """Return the only value of a list of one."""
    return values[0] if len(values) == 1 else values
