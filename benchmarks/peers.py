"""Attention beside perceptrons between given embeddings: facts of one relation, constructed and descended."""

import sys
import time
from collections.abc import Iterator

from attncap import construct, measure
from attncap.papers.hebbian2026.setting import bits, facts
from benchmarks.page import Rows, show

COLUMNS = (
    "d",
    "facts",
    "seed",
    "layer",
    "found by",
    "width",
    "parameters of the layer",
    "bits per parameter",
    "facts right in float32",
    "evaluations",
)
SEEDS = (42, 43)
# Dimension, facts; heads of dimension d with a readout, heads of one dimension and units whose whole layer descends.
CASES = ((32, 512, 4, 16, 21), (32, 1024, 8, 34, 48), (64, 1024, 3, 18, 24), (64, 2048, 5, 40, 53))
READOUT, WHOLE = "readout, L-BFGS", "whole layer, L-BFGS"


def main() -> None:
    """Print the table, with times."""
    show((*COLUMNS, "seconds"), list(rows()))


def table() -> tuple[tuple[str, ...], Rows]:
    """Return the table, without times."""
    return COLUMNS, [row[:-1] for row in rows()]


def rows() -> Iterator[list[str]]:
    """Fill every shape by readout and by descent of the layer."""
    for dim, count, wide, heads, units in CASES:
        for seed in SEEDS:
            task, given = facts(dim, count, seed, relation=True)
            alone, vectors = facts(dim, count, seed, relation=False)
            options = {"query_key_rank": 1, "embeddings": given}
            yield _row(seed, "attention", READOUT, task, construct.margin, dim, dim, wide, **options)
            yield _row(seed, "attention", WHOLE, task, construct.joint, dim, 1, heads, embeddings=given)
            options = {"method": "joint", "embeddings": vectors}
            yield _row(seed, "perceptron", WHOLE, alone, construct.perceptron, dim, units, **options)


def _row(seed, layer, how, task, find, *shape, **options) -> list[str]:  # type: ignore[no-untyped-def]
    """Return what a shape came to, facts that are right included."""
    started = time.perf_counter()
    try:
        fit = find(task, *shape, **options)
    except construct.NotMemorized as error:
        row = [
            str(shape[0]),
            str(task.associations),
            str(seed),
            layer,
            how,
            str(shape[-1]),
            "",
            "",
            str(error),
            "",
            "0",
        ]
    else:
        own = measure.layer_parameters(fit.model)
        right = f"{fit.recall['float32'].correct:,}"
        numbers = (f"{own:,}", f"{bits(task.associations) / own:.2f}", right, str(fit.details["evaluations"]))
        seconds = f"{time.perf_counter() - started:.2f}"
        row = [str(shape[0]), str(task.associations), str(seed), layer, how, str(shape[-1]), *numbers, seconds]
    print(*row, file=sys.stderr, flush=True)
    return row


if __name__ == "__main__":
    main()
