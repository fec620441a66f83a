"""Recipe best against recipe paper on labelled examples with one context: accuracy, and how soon it is reached."""

from attncap.tasks import uniform_examples
from attncap.train import examples
from attncap.train.labelled.layers import LayerEnsemble
from benchmarks.page import Rows, show

N, D, C = 32, 64, 100
HEADS, COUNTS = (1, 10, 20, 40, 60), (10_000, 20_000)
SHARE = 0.99
COLUMNS = ("H", "T", "paper: accuracy", "best: accuracy", "best reaches .99 of paper's after", "of paper's steps' time")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a shape: one seed each, one after the other on the same cores."""
    rows = []
    for count in COUNTS:
        task = uniform_examples(count, N, D, C, contexts="shared", seed=42)
        for heads in HEADS:
            paper, best = (examples(task, heads=heads, seeds=1, recipe=name) for name in ("paper", "best"))
            wanted = SHARE * float(paper.accuracy[0])
            first, second = (reached(run, wanted) for run in (paper, best))
            accuracies = f"{paper.accuracy[0]:.3f}", f"{best.accuracy[0]:.3f}"
            rows.append((str(heads), f"{count:,}", *accuracies, f"{second:.0f} s", f"{second / first:.2f}"))
    return COLUMNS, rows


def reached(run: LayerEnsemble, accuracy: float) -> float:
    """Return the seconds of training after which a look first shows an accuracy; infinity if none does."""
    return min((look.seconds for look in run.looks[0] if look.accuracy >= accuracy), default=float("inf"))


if __name__ == "__main__":
    main()
