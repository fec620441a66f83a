r"""The spectrum of what attention computes: its resolvent's trace and its density in the high-dimensional limit.

The error of the probe is read from the resolvent of $M^T M$, $M = X K/\sqrt n$ (heads stacked). Here is the trace of
that resolvent alone, at any complex number, and the density of eigenvalues that follows from it. A signal and low-rank
weights move finitely many eigenvalues, so neither depends on them: X is noise, $W_K^T W_Q = I$.
"""

from typing import Annotated, Any

import numpy as np
from jaxtyping import Complex, Float

from attncap.constraints import Count, OneOf, Positive, checked
from attncap.errors import InputError
from attncap.interpolation.continuation import approach
from attncap.interpolation.heads import COMBINED, Attention, Listed, assemble, linearise, norm_estimate
from attncap.interpolation.limit import START
from attncap.interpolation.regression import Above
from attncap.interpolation.simulate import attend, draw, labels

NOISE = np.zeros((1, 1))
# The density is read this far above the real axis, as a share of the place.
HEIGHT = 1e-9


@checked
def resolvent(
    activations: Listed,
    *,
    ratio: Positive,
    z: Complex[np.ndarray, "*points"] | Float[np.ndarray, "*points"] | complex | float | int,
    diagonal: str | float | int = "zero",
    heads: Count = 1,
    combine: Annotated[str, OneOf(COMBINED)] = "concat",
    random_scores: bool = False,
) -> Any:
    r"""Return the limit of the normalised trace of the resolvent.

    $$\delta(z) = \lim \tfrac1n \operatorname{tr} (K^T X^T X K/n - z I)^{-1} = \int \frac{\mu(dx)}{x - z}$$

    is the Stieltjes transform of the limiting distribution $\mu$ of the eigenvalues. At $z = -\gamma$ it is the
    deterministic equivalent of $\operatorname{tr} Q(\gamma)/n$, which decreases in the ridge $\gamma$.

    Args:
        activations: f, as `attncap.interpolation.error` takes it; or a list, one a head.
        ratio: c = p/n > 0.
        z: any complex numbers off the half-line of the eigenvalues [0, inf).
        diagonal: "zero", "full", or the number that K_ii is set to.
        heads: copies of the list of activations.
        combine: "concat" or "sum".
        random_scores: query-key matrices with iid N(0, 1/p) entries in place of the identity.

    Returns:
        Complex numbers of the shape of z; real where z is real.

    Raises:
        InputError: a ratio that is not positive, or z on the half-line (`spectral_density` speaks of it).
        UnmetError: the branch of the solution was lost.

    Example:
        >>> round(resolvent("tanh", ratio=0.5, z=-1.0), 6)
        0.833457
        >>> bool(resolvent("tanh", ratio=0.5, z=0.3 + 0.1j).imag > 0)
        True

    Source: Liao, Liu, Hou, Zou, Ling 2025 (arXiv 2506.18656), whose deterministic equivalent of Q has this trace;
        the equations here were derived independently.
    """
    attention = assemble(
        activations, spike=NOISE, diagonal=diagonal, heads=heads, combine=combine, random_scores=random_scores
    )
    places = np.asarray(z)
    if not np.isfinite(places).all() or np.any((places.imag == 0) & (places.real >= 0)):
        wrong = places[~np.isfinite(places) | ((places.imag == 0) & (places.real >= 0))].flat[0]
        hint = "; spectral_density speaks of the half-line"
        raise InputError("z", "finite numbers off the half-line [0, inf)", wrong, hint)
    trace = transform(attention, float(ratio), places.astype(np.complex128).ravel()).reshape(places.shape)
    found = trace if np.iscomplexobj(places) else trace.real
    return found if places.ndim else found.item()


@checked
def spectral_density(
    activations: Listed,
    *,
    ratio: Positive,
    x: Above,
    diagonal: str | float | int = "zero",
    heads: Count = 1,
    combine: Annotated[str, OneOf(COMBINED)] = "concat",
    random_scores: bool = False,
) -> Any:
    r"""Return the limiting density of the eigenvalues of $K^T X^T X K/n$.

    $$\mu(x) = \lim_{\eta \to 0} \tfrac1\pi \operatorname{Im} \delta(x + i \eta).$$

    It is that of the eigenvalues above zero: with H concatenated heads at c H < 1 a share 1 - c H of all n is zero.

    Args:
        activations: f, as `attncap.interpolation.error` takes it; or a list, one a head.
        ratio: c = p/n > 0.
        x: where, above zero.
        diagonal: "zero", "full", or the number that K_ii is set to.
        heads: copies of the list of activations.
        combine: "concat" or "sum".
        random_scores: query-key matrices with iid N(0, 1/p) entries in place of the identity.

    Returns:
        Densities of the shape of x.

    Raises:
        InputError: a ratio or an x that is not positive.
        UnmetError: the branch of the solution was lost.

    Example:
        >>> round(spectral_density("tanh", ratio=0.5, x=0.2), 4)
        0.1976

    Source: see `resolvent`.
    """
    attention = assemble(
        activations, spike=NOISE, diagonal=diagonal, heads=heads, combine=combine, random_scores=random_scores
    )
    places = np.asarray(x, dtype=np.float64)
    density = transform(attention, float(ratio), places.ravel() * (1 + 1j * HEIGHT)).imag / np.pi
    return density.reshape(places.shape) if places.ndim else density.item()


def transform(attention: Attention, ratio: float, z: Complex[np.ndarray, " points"]) -> Complex[np.ndarray, " points"]:
    """Return the Stieltjes transform at z, by symmetry from the upper half plane.

    Raises:
        InputError: a ratio that is not positive.
    """
    if not 0 < ratio < np.inf:
        raise InputError("ratio", "a finite number above 0", ratio)
    upper = np.where(z.imag < 0, z.conj(), z)
    ratios = np.full(len(z), ratio)
    start = START * max(float(norm_estimate(attention, ratios[:1]).max()), float(np.abs(z).max(initial=0.0)))
    trace = approach(linearise(attention), ratios, start, -upper).trace / ratio
    return np.where(z.imag < 0, trace.conj(), trace)


def eigenvalues(attention: Attention, features: int, tokens: int, seed: int = 0) -> Float[np.ndarray, " tokens"]:
    """Draw noise and return all eigenvalues of $K^T X^T X K/n$ at a finite size, rising.

    Args:
        attention: the heads, as `assemble` makes them.
        features: p.
        tokens: n.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    output = attend(attention, draw(rng, labels(tokens), features, np.zeros(1)), rng)
    found = np.zeros(tokens)
    singular = np.linalg.svd(output, compute_uv=False)[:tokens]
    found[tokens - len(singular) :] = singular[::-1] ** 2
    return found
