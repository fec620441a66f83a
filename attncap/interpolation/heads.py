r"""Attention heads as data, and the pencil of what they compute together.

A group of heads is summed before the probe sees it; groups are concatenated. In the limit a group's kernel is

$$K = X^T \Big(a_1 I + \sum_h a_{1,h} w_K^h w_Q^{hT}\Big) X / p + \alpha I + W,$$

with $a_1 = \sum_h a_{1,h}$, $\alpha = \sum_h d_h - a_1$ and W a Gaussian matrix independent of X, symmetric
because all heads of the paper read the same scores $x_i^T x_j$. With random query-key matrices
$T_h = M_h + w_K w_Q^T$, M_h iid N(0, 1/p), the scores differ: M_h stands in the identity's place, W has no
symmetry and differs from head to head, and the diagonal is like any other entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attncap.errors import InputError
from attncap.interpolation.activations import Activation, activation, covariance
from attncap.interpolation.expressions import Function
from attncap.interpolation.pencil import Block, Gaussian, Pencil
from attncap.result import Result

COMBINED = ("concat", "sum")
Listed = str | Function | Activation | Sequence[str | Function | Activation]


@dataclass(frozen=True)
class Head(Result):
    r"""One attention head.

    Attributes:
        activation: f, centred.
        spike: $\sum_r w_K w_Q^T = W_K^T W_Q - I$ in a basis of the signals' span; leading axes run over a grid.
        diagonal: "zero" (K_ii = 0), "full" (K_ii as f gives it) or the number that K_ii is set to.
    """

    activation: Activation
    spike: Float[np.ndarray, "*grid signals signals"]
    diagonal: str | float | int = "zero"

    @property
    def diagonal_limit(self) -> float:
        """d, the limit of K_ii.

        Raises:
            InputError: f has no finite slope at infinity, so the full diagonal has no limit.
        """
        if self.diagonal == "zero":
            return 0.0
        if not isinstance(self.diagonal, str):
            if not np.isfinite(self.diagonal):
                raise InputError("diagonal", "zero, full or a finite number", self.diagonal)
            return float(self.diagonal)
        if self.diagonal != "full":
            raise InputError("diagonal", "zero, full or a number", self.diagonal)
        if not np.isfinite(self.activation.diagonal_limit):
            raise InputError(
                f"activation {self.activation.name!r}: f(t)/t has no finite limit, so the full diagonal has none "
                "(it degenerates to linear regression); use diagonal zero"
            )
        return self.activation.diagonal_limit


@dataclass(frozen=True)
class Attention(Result):
    """Groups of heads, summed inside a group and concatenated across; query-key matrices ``random`` or the identity."""

    groups: tuple[tuple[Head, ...], ...]
    random: bool = False

    @property
    def heads(self) -> tuple[Head, ...]:
        """All heads, in order."""
        return tuple(head for group in self.groups for head in group)


def assemble(
    activations: Listed,
    *,
    spike: Float[np.ndarray, "*grid signals signals"],
    diagonal: str | float | int = "zero",
    heads: int = 1,
    combine: str = "concat",
    random_scores: bool = False,
) -> Attention:
    """Make attention of one activation or a list of them, as `attncap.interpolation.error` takes them.

    Raises:
        InputError: no head, or none of ``COMBINED``.
    """
    listed = activations if isinstance(activations, Sequence) and not isinstance(activations, str) else [activations]
    members = tuple(Head(activation(each), spike, diagonal) for each in listed) * heads
    if not members:
        raise InputError("heads", "at least one, with an activation", len(members))
    return Attention((members,) if combine == "sum" else tuple((head,) for head in members), random_scores)


def linear_part(group: tuple[Head, ...]) -> float:
    """Return a1 of the summed heads."""
    return sum(head.activation.a1 for head in group)


def shift(attention: Attention, group: tuple[Head, ...]) -> float:
    """Return alpha, what the diagonal of K exceeds that of its linear part by."""
    return 0.0 if attention.random else sum(head.diagonal_limit - head.activation.a1 for head in group)


def noise(attention: Attention) -> Float[np.ndarray, "groups groups"]:
    """Return the covariance of the groups' nonlinear remainders f - a1 t."""
    if attention.random:
        return np.diag([sum(head.activation.noise for head in group) for group in attention.groups])
    return np.array(
        [
            [sum(remainder(f.activation, g.activation) for f in first for g in second) for second in attention.groups]
            for first in attention.groups
        ]
    )


def remainder(first: Activation, second: Activation) -> float:
    """Return the covariance of two activations' nonlinear remainders."""
    return first.noise if first == second else covariance(first, second) - first.a1 * second.a1


def data(groups: int) -> Gaussian:
    """Return X^T/sqrt p and its transpose as they enter the pencil."""
    left = {(row.format(i), column.format(i)): 1.0 for i in range(groups) for row, column in READS}
    right = {(row.format(i), column.format(i)): 1.0 for i in range(groups) for row, column in WRITES}
    return Gaussian(left, right | {("r", "u"): 1.0})


READS = (("u", "q~{}"), ("h{}", "r~{}"), ("v{}", "t{}"))
WRITES = (("t{}", "v{}"), ("q{}", "h{}"))


def memory(groups: int, ratios: int) -> float:
    """Return the bytes that solving the pencil of so many groups of heads takes, for so many ratios side by side.

    Sigma has about $10 G^2$ entries and $15 G^2$ terms; every term by every entry is kept, and a few times the square
    of the entries.
    """
    unknowns, terms = (float(each * groups**2 + 11 * groups) for each in (10, 15))
    return 16 * terms * unknowns + ratios * 8 * (terms * unknowns + 3 * unknowns**2)


def linearise(attention: Attention) -> Pencil:
    r"""Linearise $(M^T M + \gamma)^{-1}$ for M the stacked $X K_g/\sqrt n$, with $z = \gamma/c$.

    Shared blocks u and r = Xu/sqrt p; for each group r~ = T r, v = K u, t = Xv/sqrt p, h = X^T t/sqrt p, q = Xh/sqrt p,
    q~ = T^T q; and z u + sum K^T h = y. Size 2 + 6 groups.
    """
    size = len(attention.groups)
    constants: dict[Block, float] = {("r", "r"): -1.0}
    gaussians = [data(size)]
    for i, group in enumerate(attention.groups):
        a1 = linear_part(group)
        constants |= {(f"h{i}", f"v{i}"): -1.0, (f"v{i}", f"h{i}"): -1.0}
        constants |= {(f"{name}{i}", f"{name}{i}"): -1.0 for name in ("t", "q", "q~", "r~")}
        if attention.random:
            scale = float(np.sqrt(sum(head.activation.a1**2 for head in group)))
            gaussians.append(Gaussian({(f"r~{i}", "r"): scale}, {(f"q~{i}", f"q{i}"): scale}))
        else:
            alpha = shift(attention, group)
            constants |= {("u", f"h{i}"): alpha, (f"h{i}", "u"): alpha}
            constants |= {(f"q~{i}", f"q{i}"): a1, (f"r~{i}", "r"): a1}
    tokens = ("u", *(f"{name}{i}" for i in range(size) for name in ("h", "v")))
    features = ("r", *(f"{name}{i}" for i in range(size) for name in ("t", "q", "q~", "r~")))
    return Pencil(tokens, features, constants, (*gaussians, *remainders(attention)))


def remainders(attention: Attention) -> list[Gaussian]:
    """Return independent Gaussian matrices whose mixtures have the covariance of the nonlinear remainders."""
    values, vectors = np.linalg.eigh(noise(attention))
    terms = []
    for value, vector in zip(values, vectors.T, strict=True):
        if value <= 1e-14 * max(values[-1], 1e-300):
            continue
        weights = {i: float(np.sqrt(value) * part) for i, part in enumerate(vector) if part}
        into = {(f"h{i}", "u"): weight for i, weight in weights.items()}
        back = {("u", f"h{i}"): weight for i, weight in weights.items()}
        if attention.random:
            terms.append(Gaussian(into, back))
        else:
            both = {block: weight / np.sqrt(2) for block, weight in (into | back).items()}
            terms.append(Gaussian(both, both))
    return terms


def spikes(attention: Attention) -> Mapping[Block, Float[np.ndarray, "*grid signals signals"]]:
    """Return the low-rank parts of a1 T as they enter the pencil."""
    parts: dict[Block, np.ndarray] = {}
    for i, group in enumerate(attention.groups):
        total = sum((head.activation.a1 * head.spike for head in group), np.zeros(()))
        parts |= {(f"r~{i}", "r"): total, (f"q~{i}", f"q{i}"): np.swapaxes(total, -1, -2)}
    return parts


def norm_estimate(attention: Attention, ratio: Float[np.ndarray, " batch"]) -> Float[np.ndarray, " batch"]:
    """Bound the largest eigenvalue of M^T M roughly, to know what ridge is large."""
    root = np.sqrt(ratio)
    total = np.zeros_like(ratio)
    for group, variance in zip(attention.groups, np.diag(noise(attention)), strict=True):
        size = sum(abs(head.activation.a1) for head in group)
        total += (size * (1 + 1 / root) ** 2 + abs(shift(attention, group)) + 2 * np.sqrt(max(variance, 0)) / root) ** 2
    return (1 + root) ** 2 * total
