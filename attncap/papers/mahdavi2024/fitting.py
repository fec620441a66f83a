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
    if np.ptp(y) == 0:
        # Of equal values SciPy knows no interval.
        return {"slope": 0.0, "low": 0.0, "high": 0.0, "r_squared": 1.0}
    found = stats.linregress(x, y)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(x) - 2) * found.stderr)
    slope, r_squared = float(found.slope), float(found.rvalue**2)
    return {"slope": slope, "low": slope - reach, "high": slope + reach, "r_squared": r_squared}


def slope(x: Points, runs: Float[np.ndarray, "n K"]) -> dict[str, float]:
    """Return the mean slope and the ends of its 95 % interval, each seed a line of its own; of one seed as `line`.

    Args:
        x: at least three different values.
        runs: of each x, what each seed gave.

    Example:
        >>> slope(np.array([0.0, 1.0, 2.0]), np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]))["slope"]
        1.5
    """
    seeds = runs.shape[1]
    if seeds < 2:
        return line(x, runs[:, 0])
    each = np.array([line(x, own)["slope"] for own in runs.T])
    reach = float(stats.t.ppf((1 + LEVEL) / 2, seeds - 1) * each.std(ddof=1) / seeds**0.5)
    middle = float(each.mean())
    return {"slope": middle, "low": middle - reach, "high": middle + reach}
