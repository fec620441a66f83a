"""Draw the predicted error of two activations and a simulation: `python examples/predict_error.py OUT.svg [TOKENS]`."""

import sys

import altair as alt
import numpy as np
import polars as pl

from attncap import interpolation, plots
from attncap.plots.interpolation import BASELINE, curves

RIDGES = np.geomspace(1e-3, 10, 41)


def draw(tokens: str = "512") -> alt.LayerChart:
    """Predict along many ridges, simulate a few."""
    rows = []
    for name in ("tanh", "relu"):
        for ridges in (RIDGES, RIDGES[::8]):
            found = interpolation.error(name, ratio=0.5, ridge=ridges, snr=1.0, alignment=1.0)
            found = found if ridges is RIDGES else found.simulate(tokens=int(tokens), seeds=6)
            rows.append(found.frame().with_columns(series=pl.lit(name)))
    regression = rows[0].with_columns(series=pl.lit(BASELINE), theory=pl.col("linear_regression"))
    frame = pl.concat([*rows, regression], how="diagonal").rename(
        {"simulated_mean": "mean", "simulated_stderr": "stderr"}
    )
    print(frame.drop_nulls("mean").select("series", "ridge", "theory", "mean", "stderr"))
    note = f"c = 0.5, ρ = 1, κ = 1, diagonal zero; points: simulated with n = {tokens}, 6 draws"
    return curves(frame, "ridge", title="Memorization in context, predicted and simulated", note=note)


def main(out: str, tokens: str = "512") -> None:
    """Save the figure."""
    plots.save(draw(tokens), out, force=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
