"""The authors' sweeps, and their miniature: what varies, what is fixed, and on how many examples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from attncap.commands.train import OPTIONS

Scale = str  # "quick" or "paper"
X = Literal["heads", "context", "head_dim"]
HEADS = (1, 5, 10, 20, 30, 40, 50, 60)
HEAD_DIMS = (10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 64)
# Of the authors' sizes: d = 64, n = 32, H = 20, batches of 256.
FULL: Mapping[str, Any] = {"embedding_dim": 64, "context": 32, "heads": 20, "classes": 100}
# A quarter of the dimension, the classes, the context and the batch, ten times the rate: the parameters are 1/40.
MINI: Mapping[str, Any] = {"embedding_dim": 16, "context": 8, "heads": 6, "classes": 25}
MINI_RECIPE: Mapping[str, Any] = {"steps": 8000, "batch": 64, "rate": 0.01}
MINI_VALUES: Mapping[X, tuple[int, ...]] = {
    "heads": (1, 3, 6, 9, 12),
    "context": (2, 4, 6, 9, 12),
    "head_dim": (2, 4, 6, 8, 12, 16),
}
SEEDS: Mapping[Scale, int] = {"quick": 3, "paper": 1}
# One point of the miniature takes so many seconds of a core, about a third of them to compile.
MINI_SECONDS = 4.0


@dataclass(frozen=True)
class Experiment:
    """One sweep of the authors.

    Attributes:
        id: of its figure.
        title: what it shows.
        where: in the paper.
        x: what varies.
        values: of x, at the authors' scale.
        counts: numbers of examples at the authors' scale; one line each.
        mini_counts: the same in the miniature.
        contexts: "shared" or "distinct".
        real: whether labels are real.
        fixed: other sizes than `FULL`.
        steps: at the authors' scale; the recipe's by default.
    """

    id: str
    title: str
    where: str
    x: X
    values: tuple[int, ...]
    counts: tuple[int, ...]
    mini_counts: tuple[int, ...]
    contexts: str = "shared"
    real: bool = False
    fixed: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None

    def points(self, scale: Scale) -> Iterator[tuple[int, int]]:
        """Yield every number of examples and value of x."""
        quick = scale == "quick"
        values = MINI_VALUES[self.x] if quick else self.values
        yield from ((count, x) for count in (self.mini_counts if quick else self.counts) for x in values)

    def cell(self, scale: Scale, count: int, x: int, seed: int, *, half: bool = False) -> dict[str, Any]:
        """Return the options of one run; of half its steps, to see whether it has converged."""
        quick = scale == "quick"
        sizes = dict(MINI) if quick else {**FULL, **self.fixed}
        recipe = dict(MINI_RECIPE) if quick else {"steps": self.steps_of(count)}
        recipe["steps"] //= 2 if half else 1
        varied = {self.x: x, "count": count, "contexts": self.contexts, "recipe": "paper", "seed": seed}
        classes = {"classes": 0} if self.real else {}
        return {**OPTIONS, "kind": "examples", **sizes, **recipe, **classes, **varied}

    def steps_of(self, count: int) -> int:
        """Return the steps of the authors' schedule: 500 epochs, or 50,000 steps, or what the sweep asks for."""
        return max(-(-500 * count // 256), self.steps or 50_000)


def thousand(*counts: int) -> tuple[int, ...]:
    """Return thousands."""
    return tuple(1000 * count for count in counts)


HEADS_TITLE, CONTEXT_TITLE = "Accuracy against heads", "Accuracy against the context size"
SHARED, DISTINCT = ", one context for all examples", ", a context for each example"
EXPERIMENTS: Sequence[Experiment] = (
    Experiment("fig2a", HEADS_TITLE + SHARED, "Figure 2a", "heads", HEADS, thousand(10, 20, 30, 40), (1000, 2000)),
    Experiment("fig2b", CONTEXT_TITLE + SHARED, "Figure 2b", "context", HEADS, thousand(6, 10, 14, 18), (700, 1400)),
    Experiment(
        "fig2c",
        "Accuracy against the head dimension" + SHARED,
        "Figure 2c",
        "head_dim",
        HEAD_DIMS,
        thousand(10, 15, 20),
        (800, 1600),
        fixed={"heads": 30},
        steps=300_000,
    ),
    Experiment(
        "distinct-heads",
        HEADS_TITLE + DISTINCT,
        "appendix",
        "heads",
        HEADS,
        thousand(30, 50, 70, 90, 110, 130),
        (2000, 4000),
        "distinct",
    ),
    Experiment(
        "distinct-context",
        CONTEXT_TITLE + DISTINCT,
        "appendix",
        "context",
        HEADS,
        thousand(20, 30, 40, 50, 60),
        (1000, 2000),
        "distinct",
    ),
    Experiment(
        "regression-heads",
        "Real labels explained against heads" + SHARED,
        "appendix",
        "heads",
        HEADS,
        thousand(10, 15, 20, 25, 30),
        (800, 1600),
        real=True,
    ),
    Experiment(
        "regression-context",
        "Real labels explained against the context size" + SHARED,
        "appendix",
        "context",
        HEADS,
        thousand(10, 15, 20, 25),
        (800, 1600),
        real=True,
    ),
    Experiment(
        "regression-distinct-heads",
        "Real labels explained against heads" + DISTINCT,
        "appendix",
        "heads",
        HEADS,
        thousand(10, 30, 50, 70, 90),
        (2000, 4000),
        "distinct",
        real=True,
    ),
    Experiment(
        "regression-distinct-context",
        "Real labels explained against the context size" + DISTINCT,
        "appendix",
        "context",
        HEADS,
        thousand(10, 30, 50, 70, 90),
        (2000, 4000),
        "distinct",
        real=True,
    ),
)
# Not among the authors' sweeps, but what its text says of the head dimension.
REGRESSION_HEAD_DIM = Experiment(
    "regression-head-dim",
    "Real labels explained against the head dimension" + SHARED,
    "setting: ours",
    "head_dim",
    HEAD_DIMS,
    thousand(10),
    (200, 400),
    real=True,
    fixed={"heads": 30},
)
EXPERIMENTS = (*EXPERIMENTS, REGRESSION_HEAD_DIM)
KNOWN = {each.id: each for each in EXPERIMENTS}
