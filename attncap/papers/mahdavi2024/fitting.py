"""Straight lines through the measured points, with the interval of their slope."""

import numpy as np
from jaxtyping import Float
from scipy import stats

Points = Float[np.ndarray, " n"]
LEVEL = 0.95


def line(x: Points, y: Points) -> dict[str, float]:
    """Return slope, the ends of its 95 % interval, and R² of the best a x + b.

    Args:
        x: at least three different values.
        y: as many.

    Example:
        >>> found = line(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 5.0, 7.0]))
        >>> found["slope"], round(found["r_squared"], 9)
        (2.0, 1.0)
    """
    found = stats.linregress(x, y)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(x) - 2) * found.stderr)
    spread = float(((y - y.mean()) ** 2).sum())
    r_squared = float(found.rvalue**2) if spread > 0 else 1.0
    slope = float(found.slope)
    return {"slope": slope, "low": slope - reach, "high": slope + reach, "r_squared": r_squared}
