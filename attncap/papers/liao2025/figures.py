r"""Liao, Liu, Hou, Zou, Ling 2025: the interpolation error of nonlinear attention (arXiv 2506.18656).

The paper shows curves and gives no tables, so what is published is what each figure is said to show, and its setting
where the text states one; the others are ours and say so. Ours are the limit, the simulation and how many points
agree: |mean - theory| < 3 std/sqrt(draws) + 5/n. One diagonal everywhere: zero (no token attends to itself), the only
one for which every f has a limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
REGRESSION = {"ridge regression": {"activations": KEEP, "diagonal": 1.0}}
ATTENTION = {name: {"activations": name} for name in ("linear", "tanh", "relu", "clipped-exp")}
LIAO = "Liao et al. 2025 (arXiv 2506.18656)"
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


@dataclass(frozen=True)
class Curves:
    """The settings of a figure: what `compare` draws at a scale.

    Attributes:
        id: its name on the command line.
        shows: what it is, in a list.
        title: in the image.
        published: what the paper says.
        lines: arguments of ``error`` by the name of a line.
        fixed: those that all lines share.
        x: the argument along the horizontal axis.
        values: of it.
        tokens: n at the paper's size.
        note: the setting, with places for n and p.
        source: whose setting it is.
        look: what else `compare` takes.
    """

    id: str
    shows: str
    title: str
    published: dict[str, Any]
    lines: Mapping[str, Mapping[str, Any]]
    fixed: Mapping[str, Any]
    x: str
    values: np.ndarray
    tokens: int
    note: str
    source: str = OURS
    look: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, scale: str, seed: int) -> Drawing:
        """Draw it at a scale."""
        tokens = self.tokens // SHRINK[scale]
        features = round(self.fixed.get("ratio", 0) * tokens)
        return compare(
            {name: {**self.fixed, **line} for name, line in self.lines.items()},
            self.x,
            self.values,
            tokens=tokens,
            draws=DRAWS[scale],
            seed=seed,
            title=self.title,
            note=self.note.format(n=tokens, p=features),
            source=self.source,
            **self.look,
        )


def both(
    id: str, shows: str, x: str, values: np.ndarray, fixed: Mapping[str, Any], tokens: int, note: str, **look: Any
) -> tuple[Curves, Curves]:
    """Return a figure of ridge regression, in the paper's setting, and the same of attention, in ours."""
    where = f"against the {shows}"
    sizes = {"features": round(fixed["ratio"] * tokens)} if "ratio" in fixed else {}
    setting = {**sizes, "tokens": tokens, **{name: value for name, value in fixed.items() if name != "ratio"}}
    shared = (fixed, x, values, tokens)
    return (
        Curves(
            f"regression-{id}", f"ridge regression {where}", f"Ridge regression {where}", published(MATCH, **setting),
            REGRESSION, *shared, note, LIAO, {**look, "baseline": False},
        ),
        Curves(
            f"attention-{id}", f"nonlinear attention {where}", f"Nonlinear attention {where}", published(MATCH),
            ATTENTION, *shared, f"{note}, {ZERO}", OURS, look,
        ),
    )  # fmt: skip


RIDGE, DIMENSION, SNR = (
    both(
        "ridge", "ridge", "ridge", np.geomspace(1e-3, 1e3, 61), {"ratio": 4.0, "snr": 1.0}, 512,
        "p = {p}, n = {n}, ρ = 1", log_y=True,
    ),
    both(
        "dimension", "embedding dimension", "ratio", np.geomspace(1 / 8, 2, 65), {"ridge": 1e-5, "snr": 1.0}, 4096,
        "n = {n}, γ = 10⁻⁵, ρ = 1", log_y=True, measured=9,
    ),
    both(
        "snr", "signal-to-noise ratio", "snr", np.geomspace(0.1, 10, 41), {"ridge": 1e-5, "ratio": 0.25}, 2048,
        "p = {p}, n = {n}, γ = 10⁻⁵",
    ),
)  # fmt: skip
CURVES = (
    *(pair[0] for pair in (RIDGE, DIMENSION, SNR)),
    *(pair[1] for pair in (RIDGE, DIMENSION, SNR)),
    Curves(
        "activations",
        "activations at equal power",
        "Which nonlinearity memorizes",
        published("the error depends on f through a1 and nu only"),
        {name: {"activations": name, "scale": activation(name).nu} for name in NAMED if name not in ("erf", "gelu")},
        {"ratio": 0.5, "snr": 1.0},
        "ridge",
        np.geomspace(1e-4, 1e2, 61),
        1024,
        f"f scaled to E f(ξ)² = 1, {ZERO}, c = 0.5, ρ = 1, n = {{n}}",
    ),
    Curves(
        "alignment",
        "weights aligned with the signal",
        "Attention weights aligned with the signal",
        published("aligned weights lower the error, below that of linear regression"),
        ATTENTION,
        {"ratio": 0.5, "ridge": 1.0, "snr": 1.0},
        "alignment",
        np.linspace(0, 2, 41),
        4096,
        f"w_K = w_Q = κ μ/|μ|, {ZERO}, c = 0.5, γ = 1, ρ = 1, n = {{n}}",
        look={"log_x": False},
    ),
    Curves(
        "cosine",
        "an activation without linear part",
        "Without a linear part, structure does not help",
        published("cos(t), a1 = 0, memorizes badly"),
        {
            f"{name}, κ = {kappa}": {"activations": name, "alignment": float(kappa)}
            for name in ("cos", "tanh")
            for kappa in (0, 1)
        },
        {"ratio": 0.5, "ridge": 1e-2},
        "snr",
        np.geomspace(0.05, 5, 41),
        2048,
        f"cos has a1 = 0; {ZERO}, c = 0.5, γ = 0.01, n = {{n}}",
    ),
    Curves(
        "heads",
        "concatenated heads",
        "Concatenated heads memorize together",
        published("v2 discusses finitely many heads"),
        {f"{count} head{'s' * (count > 1)}": {"heads": count} for count in (1, 2, 3, 4)},
        {"activations": "tanh", "random_scores": True, "ratio": 0.25, "snr": 1.0, "alignment": 1.0},
        "ridge",
        np.geomspace(1e-4, 1e2, 41),
        1024,
        f"tanh, random query-key matrices, {ZERO}, p = {{p}}, n = {{n}}, ρ = 1, κ = 1",
    ),
    Curves(
        "softmax",
        "the true softmax",
        "True softmax attention",
        SOFTMAX,
        {f"softmax, β = {beta}": {"activations": softmax(beta)} for beta in (0.25, 0.5, 1.0)},
        {"ratio": 0.5, "snr": 1.0},
        "ridge",
        np.geomspace(1e-4, 1e2, 41),
        2048,
        "K = (n/√p) softmax(βS), diagonal masked, c = 0.5, ρ = 1, n = {n}",
        "setting: ours, not in Liao et al. 2025",
    ),
)
FIGURES = (
    *(Figure(each.id, each.shows, each.published, each.draw) for each in CURVES),
    Figure("words", "word embeddings of a real model as tokens", BEYOND, words),
    Figure("digits", "handwritten digits of two classes as tokens", BEYOND, digits),
    Figure(
        "claims",
        "what the paper says in words, checked",
        published("nonlinear attention memorizes worse than regression without structure, better with aligned weights"),
        claims,
    ),
)
