"""Predict an interpolation error."""

from attncap.interpolation import Interpolation, error
from attncap.interpolation import softmax as softmax_at


def interpolation(
    *,
    ratio: float | int,
    ridge: float | int,
    activation: str | list[str] = "tanh",
    snr: float | int = 0.0,
    alignment: float | int = 0.0,
    diagonal: str | float | int = "zero",
    heads: int = 1,
    combine: str = "concat",
    random_scores: bool = False,
    softmax: float | int | None = None,
    positive: float = 0.5,
    simulate: bool = False,
    tokens: int = 1000,
    seed: int = 0,
) -> Interpolation:
    r"""Predict one interpolation error, as ``attncap interpolation`` does; a simulated cell is one draw.

    Args:
        ratio: c = p/n.
        ridge: $\gamma$.
        activation: a name or an expression in t, or a list of them, one a head.
        snr: $|\mu|^2$.
        alignment: $\kappa$.
        diagonal: "zero", "full" or a number.
        heads: copies of the activations.
        combine: "concat" or "sum".
        random_scores: random query-key matrices.
        softmax: true softmax at this inverse temperature, in place of ``activation``.
        positive: share of labels +1.
        simulate: measure it at finite size too.
        tokens: n of the simulation.
        seed: of the draw.

    Example:
        >>> round(interpolation(ratio=0.5, ridge=1.0, snr=1.0, alignment=1.0, diagonal="full").theory, 6)
        0.400298
    """
    result = error(
        activation if softmax is None else softmax_at(softmax),
        ratio=ratio,
        ridge=ridge,
        snr=snr,
        alignment=alignment,
        diagonal=diagonal,
        heads=heads,
        combine=combine,
        random_scores=random_scores,
        positive=positive,
    )
    return result.simulate(tokens, 1, seed) if simulate else result
