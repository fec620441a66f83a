r"""Dana, Pydi, Chevaleyre 2025: memorization in attention-only transformers (arXiv 2411.10115).

Ten figures of six experiments and their repetitions at larger sizes, the published accuracies as open marks on the
measured lines. What is followed is the authors' code where it differs from the text (see docs/train.md); every model
has its own task.
"""

from attncap.papers.dana2025.claims import CLAIMS, claims, claims_minutes
from attncap.papers.dana2025.experiments import RECIPES, experiment, minutes, scaled
from attncap.papers.dana2025.published import EXPERIMENTS, Experiment
from attncap.papers.dana2025.slopes import slope, sloped, slopes
from attncap.papers.dana2025.table1 import PUBLISHED, table1
from attncap.papers.figure import Figure
from attncap.papers.ours import capacities


def figure(wanted: Experiment) -> Figure:
    """Register an experiment."""
    published = {
        **wanted.shared,
        **wanted.schedule,
        wanted.x: wanted.values,
        "accuracy": {line.label: line.accuracy for line in wanted.lines},
        "repetitions": wanted.seeds,
    }
    return Figure(
        wanted.id,
        wanted.title,
        published,
        lambda scale, seed: experiment(scaled(wanted, scale), RECIPES[scale], seed),
        lambda scale: minutes(scaled(wanted, scale), RECIPES[scale]),
    )


def slope_figure(heads: Experiment) -> Figure:
    """Register the slopes of the experiment on heads."""
    published = {line.options["embedding_dim"]: slope(heads.values, line.accuracy) for line in heads.lines}
    title = "Accuracy gained per head, against the dimension"
    return Figure(
        "fig2b",
        title,
        {"slopes": published},
        lambda scale, seed: slopes(heads, scale, seed),
        lambda scale: minutes(sloped(heads, scale), RECIPES[scale]),
    )


# In the order of the paper: 1a, 1b, 2a, 2b, 3 to 10, then the tables.
FIGURES = (
    *map(figure, EXPERIMENTS[:3]),
    slope_figure(EXPERIMENTS[0]),
    *map(figure, EXPERIMENTS[3:]),
    Figure("table1", "Capacities and parameters of the three results", PUBLISHED, table1),
    Figure(
        "claims",
        "What the paper says in words, judged on its data and on ours",
        {"claims": [f"{claim.where}: {claim.says}" for claim in CLAIMS]},
        claims,
        claims_minutes,
    ),
    *capacities.FIGURES,
)
