r"""Hermite data of scalar activations: all that the high-dimensional limit of attention keeps of a nonlinearity.

For the centred f, that is f minus its mean under a standard Gaussian xi: $a_1 = E\,\xi f(\xi)$,
$\nu = E f(\xi)^2$, $a_2 = E f(\xi)(\xi^2 - 1)/\sqrt 2$ and the slope at infinity $\lim f(t)/t$.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from attncap.constraints import checked
from attncap.errors import InputError, nearest
from attncap.interpolation.expressions import Function, parse
from attncap.result import Result, hidden

NAMED = {
    "linear": "t",
    "tanh": "tanh(t)",
    "relu": "max(t, 0)",
    "sign": "sign(t)",
    "clipped-exp": "min(exp(t), 5)",
    "erf": "erf(t)",
    "gelu": "t*(1 + erf(t/sqrt(2)))/2",
    "cubic": "t + (t**3 - 3*t)/(2*sqrt(6))",
    "cos": "cos(t)",
}
REACH = 14.0  # the Gaussian weight beyond is below 1e-43
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
ORDER = np.arange(len(NODES))
# The polynomial through the values at the nodes, taken at both ends of the panel.
ENDS = (
    np.polynomial.legendre.legvander([-1, 1], 39)
    * (ORDER + 0.5)
    @ (np.polynomial.legendre.legvander(NODES, 39).T * WEIGHTS)
)
BLIND = 1e-3  # share of a panel between its ends and the nodes next to them
PRECISION = 1e-15
MOST_PANELS = 20_000


@dataclass(frozen=True)
class Centred:
    """A function less its mean."""

    function: Function
    mean: float

    def __call__(self, t: np.ndarray) -> np.ndarray:
        """Return the values at the points t."""
        return self.function(t) - self.mean


@dataclass(frozen=True)
class LogNormal:
    r"""$e^{\beta t - \beta^2/2}$, what a softmax makes of a score."""

    beta: float

    def __call__(self, t: np.ndarray) -> np.ndarray:
        """Return the values at the points t."""
        return np.exp(self.beta * t - self.beta**2 / 2)


@dataclass(frozen=True)
class Activation(Result):
    r"""A centred nonlinearity and its Hermite data.

    Attributes:
        name: what to call it.
        a1: $a_1 = E\,\xi f(\xi)$, the linear part.
        nu: $\nu = E f(\xi)^2$, the whole.
        a2: $E f(\xi)(\xi^2-1)/\sqrt 2$; it matters for unbalanced labels only.
        mean: what was subtracted to centre f.
        diagonal_limit: $d = \lim f(t)/t$; infinite or NaN if there is no finite limit.
        beta: inverse temperature if this is a softmax; 0 for an entrywise function.
        function: the centred f, needed to simulate.
        edges: panels on which f is smooth, needed for the covariance of two heads.
    """

    name: str
    a1: float | int
    nu: float | int
    a2: float = 0.0
    mean: float = 0.0
    diagonal_limit: float = 0.0
    beta: float = 0.0
    function: Function | None = hidden(default=None)
    edges: np.ndarray | None = hidden(default=None)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.a1) and np.isfinite(self.nu) and self.nu >= self.a1**2 * (1 - 1e-9) >= 0):
            raise InputError(f"activation {self.name!r}: needs finite nu >= a1^2. Got a1 = {self.a1}, nu = {self.nu}")

    @property
    def cites(self) -> tuple[str, ...]:
        """The paper of the limit."""
        return ("interpolation",)

    @property
    def noise(self) -> float:
        """$b^2 = \\nu - a_1^2$, the variance of the part that is not linear."""
        return max(self.nu - self.a1**2, 0.0)


@checked
def activation(
    spec: "str | Function | Activation", kinks: Sequence[float] = (), diagonal_limit: float | None = None
) -> Activation:
    """Make an activation of a name, an expression in t, or a Python function of an array.

    Args:
        spec: one of ``NAMED``, an expression such as ``"min(exp(t), 5)"``, a function, or an activation (as it is).
        kinks: points where f is not smooth; those not given are found by bisection.
        diagonal_limit: $\\lim f(t)/t$, if known; measured at large t otherwise.

    Returns:
        The centred activation with its Hermite data (relative precision about 1e-14).

    Raises:
        InputError: f is no function of t, is not finite, or has no finite second moment.

    Example:
        >>> tanh = activation("tanh")
        >>> round(tanh.a1, 10), round(tanh.nu, 10), tanh.diagonal_limit
        (0.6057055096, 0.3942944904, 0.0)
    """
    if isinstance(spec, Activation):
        return spec
    if callable(spec):
        name = getattr(spec, "__name__", "function")
        return hermite(spec, name=name, kinks=tuple(kinks), diagonal_limit=diagonal_limit)
    return _from_text(spec, tuple(kinks), diagonal_limit)


@lru_cache(maxsize=256)
def _from_text(text: str, kinks: tuple[float, ...], diagonal_limit: float | None) -> Activation:
    if text not in NAMED and text.isidentifier() and text not in ("t", "e", "pi"):
        hint = nearest(text, NAMED) or f"; choose {', '.join(NAMED)} or write an expression in t"
        raise InputError(f"activation {text!r}: not known{hint}")
    return hermite(parse(NAMED.get(text, text)), name=text, kinks=kinks, diagonal_limit=diagonal_limit)


def hermite(
    function: Function, *, name: str = "function", kinks: tuple[float, ...] = (), diagonal_limit: float | None = None
) -> Activation:
    """Integrate f against the Gaussian weight by 40-point Gauss-Legendre on panels that no kink or jump crosses."""
    edges = smooth_panels(lambda t: _checked(function, t, name), kinks, name)
    points, weights = nodes(edges)
    values = _checked(function, points, name)
    mean = float(weights @ values)
    values = values - mean
    power = weights * values**2
    nu = float(power.sum())
    # What lies in the last panel or in panels that bisection has made tiny must be nothing, or E f^2 is infinite.
    suspicious = (np.abs(points) > REACH - 1) | np.repeat(np.diff(edges) < 1e-9, len(NODES))
    if not np.isfinite(nu) or power[suspicious].sum() > 1e-6 * nu:
        raise InputError(f"activation {name!r}: E f(xi)^2 is not finite; f grows too fast or has a pole")
    a1 = float(weights @ (points * values))
    a1 = a1 if abs(a1) > 1e-14 * np.sqrt(nu) else 0.0
    return Activation(
        name=name,
        a1=a1,
        nu=max(nu, a1**2),
        a2=float(weights @ (values * (points**2 - 1))) / np.sqrt(2),
        mean=mean,
        diagonal_limit=slope_at_infinity(function) if diagonal_limit is None else diagonal_limit,
        function=Centred(function, mean),
        edges=edges,
    )


def _checked(function: Function, t: np.ndarray, name: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        values = np.asarray(function(t), dtype=np.float64)
    if values.shape != t.shape:
        raise InputError(f"activation {name!r}: must map an array to one of its shape {t.shape}, got {values.shape}")
    if not np.isfinite(values).all():
        worst = np.flatnonzero(~np.isfinite(values))[0]
        raise InputError(f"activation {name!r}: f({t[worst]:.4g}) = {values[worst]}; f must be finite on [-14, 14]")
    return values


def nodes(edges: Float[np.ndarray, " panels"]) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """Return the quadrature points of all panels and their weights, the Gaussian density included."""
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    points = (middle + half * NODES).ravel()
    return points, (half * WEIGHTS).ravel() * np.exp(-(points**2) / 2) / np.sqrt(2 * np.pi)


def smooth_panels(function: Function, kinks: tuple[float, ...], name: str) -> Float[np.ndarray, " edges"]:
    """Bisect unit panels until each agrees with its halves and with f at its ends: kinks end up between panels."""
    inner = [kink for kink in kinks if abs(kink) < REACH]
    edges = np.union1d(np.arange(-REACH, REACH + 1), inner)
    left, right, done = edges[:-1], edges[1:], [edges]
    total = None
    while len(left):
        middle = (left + right) / 2
        (whole, jump), (lower, _), (upper, _) = (
            _moments(function, *ends) for ends in ((left, right), (left, middle), (middle, right))
        )
        if total is None:
            total = np.abs(whole).sum(axis=0) + 1e-300
        rough = (np.abs(whole - lower - upper) > PRECISION * total).any(axis=1) | (jump > PRECISION * total[0])
        rough &= right - left > 4e-16
        left, right, middle = left[rough], right[rough], middle[rough]
        done.append(middle)
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        if len(left) > MOST_PANELS:
            raise InputError(f"activation {name!r}: not piecewise smooth on [-14, 14]")
    return np.unique(np.concatenate(done))


def _moments(function: Function, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integrate f, t f and f^2 over each panel, and bound what a jump that no node sees would change."""
    half, middle = (right - left)[:, None] / 2, (right + left)[:, None] / 2
    points = middle + half * NODES
    values = function(points.ravel()).reshape(points.shape)
    weights = half * WEIGHTS * np.exp(-(points**2) / 2) / np.sqrt(2 * np.pi)
    integrals = np.stack([(weights * each).sum(axis=1) for each in (values, points * values, values**2)], axis=1)
    ends = middle + half * np.array([-1, 1]) * (1 - 1e-14)
    missed = np.abs(function(ends.ravel()).reshape(ends.shape) - values @ ENDS.T) * np.exp(-(ends**2) / 2)
    return integrals, BLIND * (half * missed).max(axis=1)


def slope_at_infinity(function: Function) -> float:
    """Measure lim f(t)/t at t up to 2^330: infinite if it grows, NaN if it settles nowhere.

    Example:
        >>> slope_at_infinity(np.tanh), slope_at_infinity(lambda t: t**3), slope_at_infinity(lambda t: t * np.sin(t))
        (0.0, inf, nan)
    """
    t = 2.0 ** np.arange(3, 331)
    with np.errstate(all="ignore"):
        slope = np.asarray(function(t), dtype=np.float64) / t
    # Beyond t = 709 exp(t) is infinite, where log(1 + exp(t)) is not: only finite values count.
    finite = np.isfinite(slope)
    known = slope if finite.all() else slope[: finite.argmin()]
    if len(known) < 3:
        return np.inf if np.isposinf(slope[len(known)]) else np.nan
    last, (first, second) = known[-3:], np.diff(known[-3:])
    if last[0] > 1 and first > 0 and second > 0.9 * first and last[2] - last[0] > 1e-6 * last[2]:
        return np.inf
    if np.ptp(last) > 1e-6 * max(1.0, abs(last[-1])):
        return np.nan if finite.all() else _extrapolated(known)
    return float(last[-1]) if abs(last[-1]) > 1e-12 else 0.0


def _extrapolated(slope: Float[np.ndarray, " doublings"]) -> float:
    """Return where a sequence tends whose differences shrink geometrically (Aitken); NaN if its last four do not."""
    steps = np.diff(slope[-4:])
    if len(steps) < 3 or not (np.abs(steps[1:]) < 0.9 * np.abs(steps[:-1])).all():
        return np.nan
    one, other = (slope[-2:] - steps[1:] ** 2 / (steps[1:] - steps[:-1])).tolist()
    if abs(one - other) > 1e-6 * max(1.0, abs(other)):
        return np.nan
    return other if abs(other) > 1e-6 else 0.0


def covariance(first: Activation, second: Activation) -> float:
    r"""Return $E f(\xi) g(\xi)$ of two activations of the same score.

    Raises:
        InputError: one of them is given by its Hermite data only.
    """
    if first is second or first == second:
        return first.nu
    if first.edges is None or second.edges is None or first.function is None or second.function is None:
        raise InputError(
            f"heads {first.name!r} and {second.name!r}: their covariance needs both functions, not a1 and nu"
        )
    points, weights = nodes(np.union1d(first.edges, second.edges))
    return float(weights @ (first.function(points) * second.function(points)))


@checked
def softmax(beta: float = 1.0) -> Activation:
    r"""The true softmax at inverse temperature beta, $K = (n/\sqrt p)\,\mathrm{softmax}(\beta S)$.

    Its normaliser concentrates, which leaves $f(t) = e^{\beta t - \beta^2/2} - 1$: $a_1 = \beta$,
    $\nu = e^{\beta^2} - 1$, superlinear (so the diagonal is masked or the query-key matrix is random).

    Args:
        beta: inverse temperature, dimensionless, in (0, 1.5].

    Raises:
        InputError: beta outside (0, 1.5]: the lognormal tails make the limit too slow in n to describe any real size.

    Example:
        >>> round(softmax(1.0).nu, 6)
        1.718282
    """
    if not 0 < beta <= 1.5:
        raise InputError("beta", "a number in (0, 1.5] (beyond, real sizes are far from the limit)", beta)
    limit = hermite(LogNormal(beta), name=f"softmax({beta:g})", diagonal_limit=np.inf)
    return replace(limit, a1=float(beta), nu=float(np.expm1(beta**2)), beta=float(beta))
