"""What the paper says in words, judged on our runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from attncap.papers.figure import Drawing
from attncap.papers.mahdavi2024.experiments import curves, minutes
from attncap.papers.mahdavi2024.fitting import line, slope
from attncap.papers.mahdavi2024.saturation import minutes as saturation_minutes
from attncap.papers.mahdavi2024.saturation import saturation
from attncap.papers.mahdavi2024.settings import FULL, KNOWN, MINI, Scale

HOLDS, FAILS = "holds", "does not hold"
LINEAR = 0.98
# Of one seed: accuracies of two scatter by about as much, and a fall of less is none.
SCATTER = 0.02
# A softmax is called saturated in words where most examples and heads are.
MOST = 0.5
Curves = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Claim:
    """A statement, where it stands, the figure it speaks of, and its judge: numbers and verdict of each line."""

    says: str
    where: str
    figure: str
    judge: Callable[[Curves, int], tuple[str, bool]]


def claims(scale: Scale, seed: int) -> Drawing:
    """Judge every claim on what is trained at this scale."""
    context = (MINI if scale == "quick" else FULL)["context"]
    rows = []
    for claim in CLAIMS:
        numbers, held = claim.judge(curves(KNOWN[claim.figure], scale, seed), context)
        rows.append(judged(claim.says, claim.where, claim.figure, numbers, held))
    ends = saturation(scale, seed).measured["ends"]
    shares = [end["saturated"] for end in ends if "scores below" not in end["series"]]
    numbers = f"{', '.join(f'{share:.3f}' for share in shares)} of examples and heads in the end"
    rows.append(judged("training saturates the softmax", "appendix", "saturation", numbers, min(shares) > MOST))
    return Drawing({row["claim"]: row["ours"] for row in rows} | {"claims": rows}, pl.DataFrame(rows))


def judged(says: str, where: str, figure: str, numbers: str, held: bool) -> dict[str, str]:
    """Return a row of the table."""
    verdict = HOLDS if held else FAILS
    return {"claim": says, "where": where, "figure": figure, "ours": verdict, "numbers": numbers}


def linear(found: Curves, context: int) -> tuple[str, bool]:
    """Judge linearity in x by R²."""
    fits = [(one["examples"], line(np.array(one["x"], float), np.array(one["y"]))["r_squared"]) for one in found]
    return "; ".join(f"R² {fit:.4f} (T = {count:,})" for count, fit in fits), min(fit for _, fit in fits) >= LINEAR


def rising(found: Curves, context: int) -> tuple[str, bool]:
    """Judge whether accuracy falls nowhere by more than seeds explain, and rises on the whole by more than that."""
    texts, held = [], True
    for one in found:
        fall, gain = max(0.0, float(-np.diff(one["y"]).min())), one["y"][-1] - one["y"][0]
        noise = scatter(one["runs"])
        held &= fall <= noise < gain
        texts.append(f"{gain:+.3f}, largest fall {fall:.3f}, seeds explain {noise:.3f} (T = {one['examples']:,})")
    return "; ".join(texts), held


def scatter(runs: Sequence[Sequence[float]]) -> float:
    r"""Return the fall between neighbours that seeds alone explain: 95 % of equal points show none that is larger.

    $t\, s \sqrt{2 / K}$ with the standard deviation $s$ between the $K$ seeds of a point, pooled over the points, and
    the quantile $t$ of Student's distribution at $1 - .05$ over the number of steps.
    """
    values = np.array(runs)
    points, seeds = values.shape
    if seeds < 2:
        return SCATTER
    degrees = points * (seeds - 1)
    spread = float(values.var(axis=1, ddof=1).mean()) ** 0.5
    return float(stats.t.ppf(1 - 0.05 / (points - 1), degrees)) * spread * (2 / seeds) ** 0.5


def rising_to_context(found: Curves, context: int) -> tuple[str, bool]:
    """Judge the part up to head dimensions of the context size."""
    return rising([part(one, [x <= context for x in one["x"]]) for one in found], context)


def part(one: Mapping[str, Any], kept: Sequence[bool]) -> dict[str, Any]:
    """Return some points of a curve."""
    return {name: value if name == "examples" else list(compress(value, kept)) for name, value in one.items()}


def flat_beyond(found: Curves, context: int) -> tuple[str, bool]:
    """Judge whether the slope beyond head dimensions of the context size is within its interval of zero."""
    texts, flat = [], True
    for one in found:
        beyond = part(one, [x >= context for x in one["x"]])
        fit = slope(np.array(beyond["x"], float), np.array(beyond["runs"]))
        flat &= fit["low"] <= 0 <= fit["high"]
        interval = f"{fit['low']:+.5f} to {fit['high']:+.5f}"
        texts.append(f"{fit['slope']:+.5f} per dimension, 95 %: {interval} (T = {one['examples']:,})")
    return "; ".join(texts), flat


CLAIMS = (
    Claim("accuracy is linear in H, shared context", "section 5.2", "fig2a", linear),
    Claim("accuracy is linear in H, distinct contexts", "appendix", "distinct-heads", linear),
    Claim("accuracy rises with n, shared context", "Figure 2b", "fig2b", rising),
    Claim("accuracy rises with n, distinct contexts", "appendix", "distinct-context", rising),
    Claim("accuracy rises with dₕ up to n", "Figure 2c", "fig2c", rising_to_context),
    Claim("accuracy does not rise beyond dₕ = n", "Figure 2c", "fig2c", flat_beyond),
    Claim("R² does not rise beyond dₕ = n, real labels", "setting: ours", "regression-head-dim", flat_beyond),
)


def claims_minutes(scale: Scale) -> float:
    """Estimate the minutes of one core of the claims' models, where no figure has trained them."""
    needed = {claim.figure for claim in CLAIMS}
    return sum(minutes(KNOWN[id], scale) for id in needed) + saturation_minutes(scale)
