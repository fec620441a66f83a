"""What a fit of laws returns: each law with its parameters and intervals, and which of them the points allow."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attncap.result import Result, hidden
from attncap.scaling.laws import LAWS, Points


class ScalingWarning(UserWarning):
    """The data cannot tell the laws apart."""


@dataclass(frozen=True)
class Fitted(Result):
    """One law fitted to the points.

    Attributes:
        law: its name.
        formula: in x and the parameters a, b, ...
        parameters: fitted, in the order of their letters.
        low: lower ends of their intervals; infinite where the points do not bound a parameter.
        high: upper ends.
        aicc: Akaike's criterion, corrected for few points; None with too few to correct.
        weight: Akaike weight among the laws compared.
        rmse: root of the mean squared residual.
        lack_of_fit: p-value of the means' misfit against repetitions at the same x; None without any.
    """

    law: str
    formula: str
    parameters: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    aicc: float | None
    weight: float
    rmse: float
    lack_of_fit: float | None

    def __call__(self, x: Float[np.ndarray, "..."] | float) -> Float[np.ndarray, "..."]:
        """Return the curve at x."""
        return np.asarray(LAWS[self.law].curve(np.asarray(x, dtype=np.float64), np.array(self.parameters)))


@dataclass(frozen=True)
class Scaling(Result):
    """Laws fitted to the same points, best first.

    Attributes:
        best: the law of smallest AICc; None if the different x are too few to choose.
        close: the other laws that the points allow: AICc within 7, or not rejected against a larger law.
        fits: every law that has enough points.
        used: how many points the window left.
        errors: how values deviate from the law: absolute, relative or shares.
        x: their places.
        y: their values.
    """

    best: str | None
    close: tuple[str, ...]
    fits: tuple[Fitted, ...]
    used: int
    errors: str
    x: Points = hidden()
    y: Points = hidden()

    def __getitem__(self, law: str) -> Fitted:
        """Return the fit of one law."""
        for fit in self.fits:
            if fit.law == law:
                return fit
        raise KeyError(law)
