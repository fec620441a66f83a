"""How much sooner method joint fills a layer between given embeddings than gradient descent, on the same cores."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from attncap import construct, measure
from attncap.papers.hebbian2026.gradient_descent import trained
from attncap.papers.hebbian2026.setting import facts
from benchmarks.page import Rows, show
from benchmarks.peers import CASES, SEEDS

COLUMNS = (
    "d",
    "facts",
    "layer",
    "width",
    "parameters of the layer",
    "evaluations, joint",
    "steps, gradient descent",
    "CPU s, joint",
    "CPU s, gradient descent",
    "times as much",
    "wall s, joint",
    "wall s, gradient descent",
)
# Of each dimension the fewest facts: more take gradient descent many minutes.
SIZES = ((32, 512), (64, 1024))


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a size and layer."""
    return COLUMNS, list(rows())


def rows() -> Iterator[list[str]]:
    """Fill each layer by both, one after the other, until every fact is right."""
    for dim, count, _, heads, units in CASES:
        if (dim, count) not in SIZES:
            continue
        for layer, width in (("attention", heads), ("perceptron", units)):
            task, given = facts(dim, count, SEEDS[0], relation=layer == "attention")
            fit, *own = timed(filled, layer, task, dim, width, given)
            found, *theirs = timed(trained, task, given, layer, width, 0)
            steps = f"{found.steps:,}" if found.first is not None else f"not in {found.steps:,}"
            size = f"{measure.layer_parameters(fit.model):,}"
            ratio = f"{theirs[0] / own[0]:.1f}"
            spent = (f"{own[0]:.2f}", f"{theirs[0]:.1f}", ratio, f"{own[1]:.2f}", f"{theirs[1]:.1f}")
            row = [str(dim), str(count), layer, str(width), size, f"{fit.details['evaluations']:,}", steps, *spent]
            print(*row, file=sys.stderr, flush=True)
            yield row


def filled(layer: str, task: Any, dim: int, width: int, given: construct.Embeddings) -> Any:
    """Fill a layer by method joint, as `benchmarks.peers` does."""
    if layer == "attention":
        return construct.joint(task, dim, 1, width, embeddings=given)
    return construct.perceptron(task, dim, width, method="joint", embeddings=given)


def timed(run: Callable[..., Any], *arguments: Any) -> tuple[Any, float, float]:
    """Run something; with the seconds of the processor and of the clock."""
    started = time.process_time(), time.perf_counter()
    found = run(*arguments)
    return found, time.process_time() - started[0], time.perf_counter() - started[1]


if __name__ == "__main__":
    main()
