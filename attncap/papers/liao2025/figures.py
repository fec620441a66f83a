r"""Liao, Liu, Hou, Zou, Ling 2025: the interpolation error of nonlinear attention (arXiv 2506.18656).

The paper shows curves and gives no tables, so what is published is what each figure is said to show, and its setting
where the text states one; the others are ours and say so. Ours are the limit, the simulation and how many points
agree: |mean - theory| < 3 std/sqrt(draws) + 5/n. One diagonal everywhere: zero (no token attends to itself), the only
one for which every f has a limit.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from attncap.interpolation import NAMED, Interpolation, activation, error, softmax
from attncap.interpolation.regression import KEEP
from attncap.papers.figure import Drawing, Figure
from attncap.papers.liao2025.claims import claims
from attncap.papers.liao2025.real_tokens import digits, words
from attncap.plots.interpolation import BASELINE, curves

SHRINK = {"quick": 4, "paper": 1}
DRAWS = {"quick": 8, "paper": 10}
REGRESSION: dict[str, dict[str, Any]] = {"ridge regression": {"activations": KEEP, "diagonal": 1.0}}
ATTENTION: dict[str, dict[str, Any]] = {
    name: {"activations": name} for name in ("linear", "tanh", "relu", "clipped-exp")
}
LIAO = "Liao et al. 2025"
OURS = f"{LIAO}, setting: ours"
ZERO = "diagonal zero"


def points(result: Interpolation, x: str, series: str) -> pl.DataFrame:
    """Return a prediction as one line of a figure."""
    names = {"simulated_mean": "mean", "simulated_std": "std", "simulated_stderr": "stderr"}
    return (
        result.frame()
        .rename(names, strict=False)
        .with_columns(series=pl.lit(series))
        .select(x, "series", "theory", *(each for each in names.values() if result.simulated is not None))
    )


def compare(
    lines: Mapping[str, Mapping[str, Any]],
    x: str,
    values: Sequence[float] | np.ndarray,
    *,
    tokens: int,
    draws: int,
    seed: int,
    title: str,
    note: str,
    source: str = OURS,
    baseline: bool = True,
    measured: int = 7,
    **look: Any,
) -> Drawing:
    """Draw theory along all values of x and simulation at some; each line is a set of arguments of ``error``."""
    values = np.asarray(values, dtype=np.float64)
    some = values[np.unique(np.linspace(0, len(values) - 1, measured).round().astype(int))]
    frames = []
    for name, arguments in lines.items():
        scale = arguments.get("scale", 1.0)  # f / sqrt(scale) at ridge g is f at ridge g * scale
        setting = {key: value for key, value in arguments.items() if key != "scale"}
        for along in (values, some):
            asked = {**setting, x: along}
            result = error(**{**asked, "ridge": np.asarray(asked["ridge"]) * scale})
            result = result if along is values else result.simulate(tokens, draws, seed)
            frames.append(points(result, x, name).with_columns(pl.col(x) / (scale if x == "ridge" else 1)))
    if baseline:
        shared: dict[str, Any] = {**next(iter(lines.values())), x: values, "activations": KEEP, "diagonal": 1.0}
        known = ("activations", "diagonal", "ratio", "ridge", "snr", "alignment")
        line = error(**{key: value for key, value in shared.items() if key in known})
        frames.append(points(line, x, BASELINE))
    table = pl.concat(frames, how="diagonal")
    if x == "ratio":
        table = table.with_columns(features=pl.col("ratio") * tokens)
    chart = curves(
        table,
        "features" if x == "ratio" else x,
        title=title,
        note=[source, f"{note}, {draws} draws"],
        **look,
    )
    return Drawing(agreement(table, tokens, draws), table, chart)


def agreement(table: pl.DataFrame, tokens: int, draws: int) -> dict[str, Any]:
    """Count the simulated points that agree with the theory."""
    seen = table.drop_nulls("mean").with_columns(misfit=(pl.col("mean") - pl.col("theory")).abs())
    agreeing = seen.filter(pl.col("misfit") < 3 * pl.col("stderr") + 5 / tokens)
    return {
        "tokens": tokens,
        "draws": draws,
        "points": len(seen),
        "agreeing": len(agreeing),
        "largest_misfit": seen["misfit"].max(),
        "theory": {name[0]: rows["theory"].to_list() for name, rows in seen.group_by("series", maintain_order=True)},
        "simulated": {name[0]: rows["mean"].to_list() for name, rows in seen.group_by("series", maintain_order=True)},
    }


def kind(lines: Mapping[str, Mapping[str, Any]]) -> str:
    """Name what the lines are."""
    return "Ridge regression" if lines is REGRESSION else "Nonlinear attention"


def convention(lines: Mapping[str, Mapping[str, Any]]) -> str:
    """Say which diagonal of K attention has; ridge regression has none."""
    return "" if lines is REGRESSION else f", {ZERO}"


def along_ridge(lines: Mapping[str, Mapping[str, Any]], scale: str, seed: int) -> Drawing:
    """Against the ridge: p = 2048, n = 512, SNR 1."""
    tokens = 512 // SHRINK[scale]
    fixed = {name: {**arguments, "ratio": 4.0, "snr": 1.0} for name, arguments in lines.items()}
    return compare(
        fixed,
        "ridge",
        np.geomspace(1e-3, 1e3, 61),
        tokens=tokens,
        draws=DRAWS[scale],
        seed=seed,
        baseline=len(lines) > 1,
        log_y=True,
        title=f"{kind(lines)} against the ridge",
        note=f"p = {4 * tokens}, n = {tokens}, ρ = 1{convention(lines)}",
        source=LIAO if lines is REGRESSION else OURS,
    )


def along_dimension(lines: Mapping[str, Mapping[str, Any]], scale: str, seed: int) -> Drawing:
    """Against the embedding dimension: n = 4096, ridge 1e-5, SNR 1."""
    tokens = 4096 // SHRINK[scale]
    fixed = {name: {**arguments, "ridge": 1e-5, "snr": 1.0} for name, arguments in lines.items()}
    return compare(
        fixed,
        "ratio",
        np.geomspace(1 / 8, 2, 65),
        tokens=tokens,
        draws=DRAWS[scale],
        seed=seed,
        baseline=len(lines) > 1,
        measured=9,
        log_y=True,
        title=f"{kind(lines)} against the embedding dimension",
        note=f"n = {tokens}, γ = 10⁻⁵, ρ = 1{convention(lines)}",
        source=LIAO if lines is REGRESSION else OURS,
    )


def along_snr(lines: Mapping[str, Mapping[str, Any]], scale: str, seed: int) -> Drawing:
    """Against the signal-to-noise ratio: p = 512, n = 2048, ridge 1e-5."""
    tokens = 2048 // SHRINK[scale]
    fixed = {name: {**arguments, "ridge": 1e-5, "ratio": 0.25} for name, arguments in lines.items()}
    return compare(
        fixed,
        "snr",
        np.geomspace(0.1, 10, 41),
        tokens=tokens,
        draws=DRAWS[scale],
        seed=seed,
        baseline=len(lines) > 1,
        title=f"{kind(lines)} against the signal-to-noise ratio",
        note=f"p = {tokens // 4}, n = {tokens}, γ = 10⁻⁵{convention(lines)}",
        source=LIAO if lines is REGRESSION else OURS,
    )


def activations(scale: str, seed: int) -> Drawing:
    """All named activations at unit power, no token attending to itself."""
    tokens = 1024 // SHRINK[scale]
    chosen = [name for name in NAMED if name not in ("erf", "gelu")]
    lines = {name: {"activations": name, "scale": activation(name).nu, "ratio": 0.5, "snr": 1.0} for name in chosen}
    return compare(
        lines,
        "ridge",
        np.geomspace(1e-4, 1e2, 61),
        tokens=tokens,
        draws=DRAWS[scale],
        seed=seed,
        title="Which nonlinearity memorizes",
        note=f"f scaled to E f(ξ)² = 1, {ZERO}, c = 0.5, ρ = 1, n = {tokens}",
    )


def alignment(scale: str, seed: int) -> Drawing:
    """Weights that point along the signal."""
    tokens = 4096 // SHRINK[scale]
    lines = {
        name: {"activations": name, "ratio": 0.5, "ridge": 1.0, "snr": 1.0}
        for name in ("linear", "tanh", "relu", "clipped-exp")
    }
    return compare(
        lines,
        "alignment",
        np.linspace(0, 2, 41),
        tokens=tokens,
        draws=DRAWS[scale],
        seed=seed,
        log_x=False,
        title="Attention weights aligned with the signal",
        note=f"w_K = w_Q = κ μ/|μ|, {ZERO}, c = 0.5, γ = 1, ρ = 1, n = {tokens}",
    )


def no_linear_part(scale: str, seed: int) -> Drawing:
    """An even f (a1 = 0) sees no signal."""
    tokens = 2048 // SHRINK[scale]
    lines = {
        f"{name}, κ = {kappa}": {"activations": name, "ratio": 0.5, "ridge": 1e-2, "alignment": float(kappa)}
        for name in ("cos", "tanh")
        for kappa in (0, 1)
    }
    return compare(
        lines,
        "snr",
        np.geomspace(0.05, 5, 41),
        tokens=tokens,
        draws=DRAWS[scale],
        seed=seed,
        title="Without a linear part, structure does not help",
        note=f"cos has a1 = 0; {ZERO}, c = 0.5, γ = 0.01, n = {tokens}",
    )


def heads(scale: str, seed: int) -> Drawing:
    """Concatenated heads with independent random query-key matrices."""
    tokens = 1024 // SHRINK[scale]
    lines = {
        f"{count} head{'s' * (count > 1)}": {
            "activations": "tanh", "heads": count, "random_scores": True, "ratio": 0.25, "snr": 1.0, "alignment": 1.0
        }
        for count in (1, 2, 3, 4)
    }  # fmt: skip
    return compare(
        lines,
        "ridge",
        np.geomspace(1e-4, 1e2, 41),
        tokens=tokens,
        draws=DRAWS[scale],
        seed=seed,
        title="Concatenated heads memorize together",
        note=f"tanh, random query-key matrices, {ZERO}, p = {tokens // 4}, n = {tokens}, ρ = 1, κ = 1",
    )


def true_softmax(scale: str, seed: int) -> Drawing:
    """The true softmax, diagonal masked."""
    tokens = 2048 // SHRINK[scale]
    lines = {f"softmax, β = {b}": {"activations": softmax(b), "ratio": 0.5, "snr": 1.0} for b in (0.25, 0.5, 1.0)}
    return compare(
        lines,
        "ridge",
        np.geomspace(1e-4, 1e2, 41),
        tokens=tokens,
        draws=DRAWS[scale],
        seed=seed,
        title="True softmax attention",
        source="setting: ours, not in Liao et al. 2025",
        note=f"K = (n/√p) softmax(βS), diagonal masked, c = 0.5, ρ = 1, n = {tokens}",
    )


def published(shows: str, **setting: Any) -> dict[str, Any]:
    """Return what the paper says a figure shows, and its setting: the paper's where it states one, or ours."""
    return {**SOURCE, "shows": shows, "setting": {"of": "the paper", **setting} if setting else "ours"}


MATCH = "theory and simulation coincide"
SOURCE = {
    "source": "arXiv 2506.18656",
    "titles": [
        "A Random Matrix Analysis of In-context Memorization for Nonlinear Attention (v1)",
        "On the Interpolation Error of Nonlinear Attention versus Linear Regression (v2)",
    ],
}
SOFTMAX = {
    "source": "Hayase, Collins, Karakida 2025 (arXiv 2510.06685); Hayase, Karakida 2026, Gaussian Equivalence for "
    "Multi-Head Self-Attention",
    "shows": "the limit of softmax attention, proved",
    "setting": "ours",
}
BEYOND = {"source": "not in the paper", "setting": "ours"}

FIGURES = (
    Figure(
        "regression-ridge",
        "ridge regression against the ridge",
        published(MATCH, features=2048, tokens=512, snr=1),
        partial(along_ridge, REGRESSION),
    ),
    Figure(
        "regression-dimension",
        "ridge regression against the embedding dimension",
        published(MATCH, tokens=4096, ridge=1e-5, snr=1),
        partial(along_dimension, REGRESSION),
    ),
    Figure(
        "regression-snr",
        "ridge regression against the signal-to-noise ratio",
        published(MATCH, features=512, tokens=2048, ridge=1e-5),
        partial(along_snr, REGRESSION),
    ),
    Figure(
        "attention-ridge",
        "nonlinear attention against the ridge",
        published(MATCH),
        partial(along_ridge, ATTENTION),
    ),
    Figure(
        "attention-dimension",
        "nonlinear attention against the embedding dimension",
        published(MATCH),
        partial(along_dimension, ATTENTION),
    ),
    Figure(
        "attention-snr",
        "nonlinear attention against the signal-to-noise ratio",
        published(MATCH),
        partial(along_snr, ATTENTION),
    ),
    Figure(
        "activations",
        "activations at equal power",
        published("the error depends on f through a1 and nu only"),
        activations,
    ),
    Figure(
        "alignment",
        "weights aligned with the signal",
        published("aligned weights lower the error, below that of linear regression"),
        alignment,
    ),
    Figure("cosine", "an activation without linear part", published("cos(t), a1 = 0, memorizes badly"), no_linear_part),
    Figure("heads", "concatenated heads", published("v2 discusses finitely many heads"), heads),
    Figure("softmax", "the true softmax", SOFTMAX, true_softmax),
    Figure("words", "word embeddings of a real model as tokens", BEYOND, words),
    Figure("digits", "handwritten digits of two classes as tokens", BEYOND, digits),
    Figure(
        "claims",
        "what the paper says in words, checked",
        published("nonlinear attention memorizes worse than regression without structure, better with aligned weights"),
        claims,
    ),
)
