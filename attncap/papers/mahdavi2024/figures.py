r"""Mahdavi, Liao, Thrampoulidis 2024: memorization capacity of multi-head attention (arXiv 2306.02010).

Figure 2, the appendix, saturation, Figure 1 and Table 1, and what the paper lacks: capacities and ablations. No data
of the paper are public; what is followed is the authors' code (see docs/mahdavi2024.md).
"""

from functools import partial

from attncap.papers.figure import Figure
from attncap.papers.mahdavi2024 import assumptions, capacities
from attncap.papers.mahdavi2024.audit import AUDITS
from attncap.papers.mahdavi2024.claims import CLAIMS, claims, claims_minutes
from attncap.papers.mahdavi2024.experiments import experiment, memory, minutes
from attncap.papers.mahdavi2024.saturation import PUBLISHED, TITLE, saturation
from attncap.papers.mahdavi2024.saturation import minutes as saturation_minutes
from attncap.papers.mahdavi2024.settings import EXPERIMENTS, FULL, Experiment, X


def figure(wanted: Experiment) -> Figure:
    """Register a sweep."""
    published = {
        **FULL,
        **wanted.fixed,
        wanted.x: wanted.values,
        "classes": 0 if wanted.real else FULL["classes"],
        "contexts": wanted.contexts,
        "examples": wanted.counts,
        "steps": [wanted.steps_of(count) for count in wanted.counts],
        "memory of the largest data, GB": memory(wanted, "paper") / 1e9,
        "where": wanted.where,
    }
    return Figure(
        wanted.id,
        wanted.title,
        published,
        lambda scale, seed: experiment(wanted, scale, seed),
        lambda scale: minutes(wanted, scale),
    )


def capacity_figure(x: X, shared: bool) -> Figure:
    """Register a figure of capacities."""
    contexts = "shared" if shared else "distinct"
    return Figure(
        f"capacity-{x.replace('_', '-')}-{contexts}",
        f"Capacity against {capacities.NAMES[x]}, {contexts} contexts: promised, constructed, trained",
        {"setting": "ours"},
        partial(capacities.capacities, x, shared),
        partial(capacities.minutes, x),
    )


FIGURES = (
    *AUDITS,
    Figure("fig1-random", "Independent subsets of queries after random attention", assumptions.PUBLISHED,
           assumptions.figure1, assumptions.minutes),
    Figure("table1-random", "The assumptions after random attention", assumptions.PUBLISHED, assumptions.table1,
           assumptions.minutes),
    *map(figure, EXPERIMENTS),
    Figure("saturation", TITLE, PUBLISHED, saturation, saturation_minutes),
    *(capacity_figure(x, shared) for x in capacities.NAMES for shared in (True, False)),
    Figure("ablations", "One part of the model changed at a time", {"setting": "ours"}, capacities.ablations,
           capacities.ablation_minutes),
    Figure(
        "claims",
        "What the paper says in words, judged on our runs",
        {"claims": [f"{claim.where}: {claim.says}" for claim in CLAIMS]},
        claims,
        claims_minutes,
    ),
)  # fmt: skip
