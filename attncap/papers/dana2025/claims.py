"""The paper's statements in words, each judged on the published accuracies and on those of models trained here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from attncap.papers.dana2025.experiments import QUICK_MINUTES, experiment, means, minutes
from attncap.papers.dana2025.fitting import Points, curvature, exponent, r_squared, slope
from attncap.papers.dana2025.floors import accuracy, floors
from attncap.papers.dana2025.published import EXPERIMENTS, Experiment, Line
from attncap.papers.dana2025.slopes import sloped
from attncap.papers.figure import Drawing
from attncap.scaling import before_saturation

KNOWN = {each.id: each for each in EXPERIMENTS}
NOT_RUN = "not run at --scale quick"
HOLDS, FAILS = "holds", "does not hold"


@dataclass(frozen=True)
class Curve:
    """Mean accuracies y of one line over x."""

    line: Line
    x: Points
    y: Points


Curves = Mapping[str, Sequence[Curve]]


@dataclass(frozen=True)
class Claim:
    """A statement, where it stands, the figures that it speaks of, and its judge: numbers and verdict."""

    says: str
    where: str
    figures: tuple[str, ...]
    judge: Callable[[Curves], tuple[str, str]]


def claims(scale: str, seed: int) -> Drawing:
    """Judge every claim on the published data, and on what is trained at this scale."""
    known = {id: published(id) for id in KNOWN}
    ours = {id: measured(wanted, seed) for id, wanted in trained(scale).items()}
    rows = []
    for claim in CLAIMS:
        numbers, verdict = claim.judge(known)
        run = all(id in ours for id in claim.figures)
        our_numbers, our_verdict = claim.judge(ours) if run else ("", NOT_RUN)
        rows.append(
            {
                "claim": claim.says,
                "where": claim.where,
                "figures": ", ".join(claim.figures),
                "published": verdict,
                "published_numbers": numbers,
                "measured": our_verdict,
                "measured_numbers": our_numbers,
            }
        )
    verdicts = {row["claim"]: f"{row['published']} (published), {row['measured']} (ours)" for row in rows}
    return Drawing({**verdicts, "claims": rows}, pl.DataFrame(rows))


def published(id: str) -> list[Curve]:
    """Return the published lines of a figure."""
    x = np.array(KNOWN[id].values, dtype=np.float64)
    return [Curve(line, x, np.array(line.accuracy)) for line in KNOWN[id].lines]


def trained(scale: str) -> dict[str, Experiment]:
    """Choose the experiments that are trained at a scale: all that a claim speaks of, or those of few minutes."""
    needed = {id: each for id, each in KNOWN.items() if any(id in claim.figures for claim in CLAIMS)}
    if scale == "paper":
        return needed
    some = {id: sloped(each, scale) if id == "fig1a" else each for id, each in needed.items()}
    return {id: each for id, each in some.items() if minutes(each, ["paper"]) <= QUICK_MINUTES}


def claims_minutes(scale: str) -> float:
    """Estimate the minutes of one core of the claims' models."""
    return sum(minutes(each, ["paper"]) for each in trained(scale).values())


def measured(wanted: Experiment, seed: int) -> list[Curve]:
    """Train an experiment by the paper's recipe and average over the repetitions."""
    points = means(experiment(wanted, ["paper"], seed).table, wanted.x)
    curves = []
    for line in wanted.lines:
        own = points.filter(line=line.label).sort(wanted.x)
        curves.append(Curve(line, own[wanted.x].cast(pl.Float64).to_numpy(), own["accuracy"].to_numpy()))
    return curves


def unsaturated(curves: Sequence[Curve]) -> Iterator[tuple[int, Points, Points]]:
    """Yield the dimension and the points up to the first accuracy above .95 of every line of heads."""
    for curve in curves:
        part = before_saturation(curve.y)
        yield curve.line.options["embedding_dim"], curve.x[part], curve.y[part]


def linear_in_heads(data: Curves) -> tuple[str, str]:
    """Judge Experiment 1."""
    fits = {d: (r_squared(x, y), curvature(x, y)) for d, x, y in unsaturated(data["fig1a"])}
    worst, best = (pick(fits, key=lambda d: fits[d][0]) for pick in (min, max))
    concave = ", ".join(str(d) for d, (_, bend) in fits.items() if bend < 0)
    numbers = f"R² {fits[worst][0]:.4f} (d = {worst}) to {fits[best][0]:.4f} (d = {best}); concave at d = {concave}"
    return numbers, HOLDS if fits[worst][0] >= 0.95 else FAILS


def quadratic_in_head_dim(figure: str) -> Callable[[Curves], tuple[str, str]]:
    """Judge Experiment 2 and its repetitions: a d_h^2 + b."""

    def judge(data: Curves) -> tuple[str, str]:
        (curve,) = data[figure]
        square, line = r_squared(curve.x**2, curve.y), r_squared(curve.x, curve.y)
        power = exponent(curve.x, curve.y, offset=True)
        numbers = f"R² {square:.4f} of a dₕ² + b, {line:.4f} of a dₕ + b; exponent {power:.2f} of a dₕᵇ + c"
        if square >= 0.99 and power >= 1.75:
            return numbers, HOLDS
        return numbers, f"{FAILS}: neither" if square < 0.99 > line else FAILS

    return judge


def cubic_in_d(data: Curves) -> tuple[str, str]:
    """Judge Experiment 4: slopes C(N) d^3 at d_h = d."""
    slopes = {float(d): slope(x, y) for d, x, y in unsaturated(data["fig1a"])}
    d, a = np.array([*slopes]), np.array([*slopes.values()])
    cube, square, power = r_squared(d**3, a), r_squared(d**2, a), exponent(d, a, offset=False)
    numbers = f"R² {cube:.3f} of a d³ + b, {square:.3f} of a d² + b; exponent {power:.2f} of a dᵇ"
    return numbers, HOLDS if cube > square else "contradicted: d²"


def flat_beyond_head_dim(data: Curves) -> tuple[str, str]:
    """Judge Experiment 3: linear in d up to d_h, flat beyond."""
    (curve,) = data["fig2a"]
    edge = curve.line.options["head_dim"]
    below, beyond = (slope(curve.x[part], curve.y[part]) for part in (curve.x <= edge, curve.x >= edge))
    return f"{beyond:.4f} per dimension beyond, {below:.4f} up to d = dₕ", HOLDS if beyond < 0.1 * below else FAILS


def times_the_bound(data: Curves) -> tuple[str, str]:
    """Judge Experiment 6: accuracy grows with heads 1.3 times as fast as the bound."""
    (curve,) = data["fig4"]
    vocabulary, head_dim = KNOWN["fig4"].shared["vocabulary"], curve.line.options["embedding_dim"]
    rise = slope(curve.x, curve.y)
    one = accuracy(1, vocabulary)
    assert one is not None
    against = rise / ((one - 1 / vocabulary) * head_dim)
    plain = rise / (head_dim / vocabulary**2)
    return f"{against:.2f} times Corollary 2, {plain:.2f} times dₕ/N²", HOLDS if abs(against - 1.3) < 0.05 else FAILS


def above_the_floor(data: Curves) -> tuple[str, str]:
    """Judge Corollary 2 as a floor of what training reaches."""
    ratios = []
    for id in FLOORED:
        for curve in data[id]:
            for x, y in zip(curve.x, curve.y, strict=True):
                cell = KNOWN[id].cell(curve.line, int(x), "best")
                sizes = cell["embedding_dim"], cell.get("head_dim", cell["embedding_dim"]), cell["heads"]
                floor = floors(cell["vocabulary"], *sizes)["theorem"]
                if floor is not None:
                    ratios.append(y / floor)
    return f"{min(ratios):.2f} to {max(ratios):.1f} times the floor", HOLDS if min(ratios) >= 1 else FAILS


def perceptrons_hold_more(data: Curves) -> tuple[str, str]:
    """Judge Experiment 5 and its repetitions: a perceptron against heads of as many parameters."""
    above, total, parts = 0, 0, []
    for id in ("fig3", "fig7", "fig10"):
        lines = {curve.line.label: curve for curve in data[id]}
        pairs = [(lines[curve.line.size], curve) for curve in data[id] if curve.line.kind == "perceptron"]
        # At one head both are the same model.
        wins = np.concatenate([perceptron.y[1:] > heads.y[1:] for heads, perceptron in pairs])
        parts.append(f"{wins.sum()} of {len(wins)} (figure {id.removeprefix('fig')})")
        above, total = above + int(wins.sum()), total + len(wins)
    return f"more at {', '.join(parts)}", HOLDS if above == total else f"{FAILS} everywhere"


FLOORED = ("fig1a", "fig1b", "fig2a", "fig4")
CLAIMS = (
    Claim("accuracy is linear in H before saturation", "Experiment 1", ("fig1a",), linear_in_heads),
    Claim("accuracy is quadratic in dₕ", "Experiment 2", ("fig1b",), quadratic_in_head_dim("fig1b")),
    Claim("accuracy is quadratic in dₕ, N = 200", "Appendix", ("fig6",), quadratic_in_head_dim("fig6")),
    Claim("accuracy is quadratic in dₕ, three layers", "Appendix", ("fig9",), quadratic_in_head_dim("fig9")),
    Claim("accuracy does not grow with d beyond dₕ", "Experiment 3", ("fig2a",), flat_beyond_head_dim),
    Claim("accuracy per head grows as C(N) d³ at dₕ = d", "Experiment 4, conclusion", ("fig1a",), cubic_in_d),
    Claim("at d = 2 accuracy grows 1.3 times as fast as the bound", "Experiment 6", ("fig4",), times_the_bound),
    Claim("training reaches the floor of Corollary 2", "Experiments 1-4 and 6", FLOORED, above_the_floor),
    Claim(
        "a perceptron memorizes more than heads of as many parameters",
        "Experiment 5",
        ("fig3", "fig7", "fig10"),
        perceptrons_hold_more,
    ),
)
