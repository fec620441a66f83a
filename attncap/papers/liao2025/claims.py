"""The paper's statements in words, and two that sharpen its "generally", each computed and judged.

One diagonal throughout: zero. With the full one ReLU's K_ii is f's slope 1, and signs can change: see docs.
"""

from typing import Any

import numpy as np
import polars as pl

from attncap.interpolation import activation, error
from attncap.papers.figure import Drawing

SMALL = np.array([1e-6, 1e-5, 1e-4])
SHARPENED = 'ours, sharpens "generally"'
ALL = ("linear", "tanh", "relu", "sign", "clipped-exp", "cubic")


def claims(scale: str, seed: int) -> Drawing:
    """Judge every claim from the limit alone (so scale and seed do not matter)."""
    rows = [_noise_small_ridge(), _noise_any_ridge(), _scale_of_f(), _reversal(), _no_linear_part()]
    verdicts = {row["claim"]: row["verdict"] for row in rows}
    return Drawing({**verdicts, "numbers": {row["claim"]: row["numbers"] for row in rows}}, pl.DataFrame(rows))


def _judged(
    claim: str, setting: str, numbers: str, holds: bool | np.bool, otherwise: str, of: str = "the paper"
) -> dict[str, Any]:
    verdict = "holds" if holds else otherwise
    return {"claim": claim, "of": of, "setting": f"ours: {setting}", "numbers": numbers, "verdict": verdict}


def gap(name: str, ridge: np.ndarray, **setting: Any) -> np.ndarray:
    """Return how much worse nonlinear attention is than linear regression at the same ridge."""
    result = error(name, ridge=ridge, **setting)
    return np.asarray(result.theory) - np.asarray(result.linear_regression)


def _noise_small_ridge() -> dict[str, Any]:
    worst = min(gap(name, SMALL, ratio=c).min() for name in ALL for c in (0.25, 0.5, 2.0))
    return _judged(
        "without structure, attention >= linear regression as the ridge vanishes",
        "rho = 0, diagonal zero, c in {.25, .5, 2}, ridge 1e-6 to 1e-4",
        f"smallest gap {worst:.2g}",
        worst > -1e-6,
        "does not hold",
    )


def _noise_any_ridge() -> dict[str, Any]:
    at = {ridge: min(gap(name, np.array([ridge]), ratio=0.1)[0] for name in ALL) for ridge in (0.1, 1.0, 10.0)}
    return _judged(
        "without structure, attention >= linear regression at every ridge",
        "rho = 0, diagonal zero, c = .1, f as given",
        ", ".join(f"{value:+.3f} at ridge {ridge:g}" for ridge, value in at.items()),
        min(at.values()) >= 0,
        "does not hold",
        SHARPENED,
    )


def _scale_of_f() -> dict[str, Any]:
    clipped = activation("clipped-exp")
    signs = [gap(f"{factor}*min(exp(t), 5)", np.array([10.0]), ratio=0.5)[0] for factor in (0.1, 1.0)]
    return _judged(
        "the comparison at equal ridge does not depend on the scale of f",
        f"f = k min(e^t, 5), k = .1 and 1 (nu = {clipped.nu:.3f} k^2), rho = 0, diagonal zero, c = .5, ridge 10",
        f"gap {signs[0]:+.3f} and {signs[1]:+.3f}",
        bool(np.sign(signs[0]) == np.sign(signs[1])),
        "does not hold: state the ridge and the scale",
        SHARPENED,
    )


def _reversal() -> dict[str, Any]:
    settings = ((1.0, 0.0), (1.0, 1.0), (4.0, 2.0))
    gaps = [
        [
            float(gap("clipped-exp", np.array([ridge]), ratio=0.5, snr=rho, alignment=kappa)[0])
            for rho, kappa in settings
        ]
        for ridge in (1e-2, 1.0)
    ]
    return _judged(
        "structure and alignment shrink the gap and can reverse it",
        "min(e^t, 5), diagonal zero, c = .5, (rho, kappa) = (1, 0), (1, 1), (4, 2); ridge .01 | 1",
        " | ".join(", ".join(f"{value:+.4f}" for value in row) for row in gaps),
        gaps[0][0] > gaps[0][1] > gaps[0][2] and min(gaps[1]) < 0,
        "does not hold",
    )


def _no_linear_part() -> dict[str, Any]:
    errors = error(
        "cos", ratio=0.5, ridge=1e-2, snr=np.array([[0.0], [1.0], [10.0]]), alignment=np.array([0.0, 1.0, 2.0])
    )
    spread = float(np.ptp(errors.theory))
    return _judged(
        "an activation with a1 = 0 gains nothing from structure",
        "cos, diagonal zero, c = .5, ridge .01, rho in {0, 1, 10}, kappa in {0, 1, 2}",
        f"E = {np.mean(errors.theory):.6f}, spread {spread:.1g}",
        spread < 1e-12,
        "does not hold",
    )
