"""Predict an interpolation error, or a grid of them."""

from typing import TYPE_CHECKING, Any, Literal

from attncap.constraints import Count, Seed
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.interpolation import Interpolation

MOST_POINTS = 100_000


def interpolation(
    *,
    ratio: float | int | list[float | int],
    ridge: float | int | list[float | int],
    activation: str | list[str] | None = None,
    snr: float | int | list[float | int] = 0.0,
    alignment: float | int | list[float | int] = 0.0,
    diagonal: str | float | int = "zero",
    heads: Count = 1,
    combine: Literal["concat", "sum"] = "concat",
    random_scores: bool = False,
    softmax: float | int | None = None,
    positive: float | int = 0.5,
    simulate: bool = False,
    tokens: Count | None = None,
    seeds: Count | None = None,
    seed: Seed = 0,
) -> "Interpolation":
    r"""Predict how well a ridge probe memorizes labels in context, and compare it with simulation.

    Of ratio, ridge, snr and alignment, a list makes a curve, and several a grid.

    Args:
        ratio: embedding dimension over tokens, $c = p/n$.
        ridge: ridge of the probe, $\gamma$.
        activation: name or expression in t, several for several heads; tanh by default.
        snr: signal-to-noise ratio $|\mu|^2$.
        alignment: length of $w_K = w_Q$ along $\mu$.
        diagonal: $K_ii$: zero, full (as f gives it) or a number.
        heads: copies of the listed activations.
        combine: heads are read by concat or sum.
        random_scores: random query-key matrices.
        softmax: true softmax at this inverse temperature, in place of an activation.
        positive: share of labels +1.
        simulate: measure it at finite size too.
        tokens: tokens $n$ of a simulation, 1000 by default.
        seeds: draws of a simulation, 1 by default.
        seed: the first of them.

    Returns:
        The prediction, with the simulation if there is one.

    Raises:
        InputError: a number or an expression that the theory does not take, or options that exclude each other.

    Example:
        >>> round(interpolation(ratio=0.5, ridge=1.0, snr=1.0, alignment=1.0, diagonal="full").theory, 6)
        0.400298
        >>> interpolation(ratio=[0.5, 1, 2], ridge=[0.1, 1]).theory.shape
        (3, 2)
    """
    from attncap.interpolation import error
    from attncap.interpolation import softmax as softmax_at

    if softmax is not None and activation:
        raise InputError("softmax", "no activation beside it", f"activation {activation}")
    if not simulate:
        for name, value in {"tokens": tokens, "seeds": seeds}.items():
            if value is not None:
                raise InputError(name, "simulate beside it", value)
    result = error(
        activation or "tanh" if softmax is None else softmax_at(float(softmax)),
        **outer({"ratio": ratio, "ridge": ridge, "snr": snr, "alignment": alignment}),
        diagonal=diagonal,
        heads=heads,
        combine=combine,
        random_scores=random_scores,
        positive=float(positive),
    )
    if not simulate:
        return result
    return result.simulate(1000 if tokens is None else tokens, 1 if seeds is None else seeds, seed)


def outer(values: dict[str, Any]) -> dict[str, Any]:
    """Give every list its own axis, so that several make a grid.

    Raises:
        InputError: more points than are computed at once.
    """
    import numpy as np

    lists = {name: np.asarray(value, dtype=float) for name, value in values.items() if isinstance(value, list)}
    points = int(np.prod([len(value) for value in lists.values()], initial=1))
    if points > MOST_POINTS:
        raise InputError(f"the lists make {points:,} points; at most {MOST_POINTS} are computed at once")
    return values | dict(zip(lists, np.meshgrid(*lists.values(), indexing="ij", sparse=True), strict=True))
