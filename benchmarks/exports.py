"""Hand over: memories of real tables and random tasks in the foreign runtimes, on all their facts."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np

from attncap import archive, construct, memory, tasks
from attncap.archive import Archive
from attncap.memory.exports.formats import Format
from attncap.models import chunks
from benchmarks.page import Rows, show

COLUMNS = ("memory", "facts", "runtime", "same answers", "largest difference", "float32 itself")
MEMORIES: dict[str, tuple[str, Callable[[tasks.Associations], construct.Fit]]] = {
    "capitals, theorem": ("capitals", construct.theorem),
    "capitals, joint": ("capitals", partial(construct.joint, embedding_dim=4, heads=3)),
    "elements, margin": ("elements", partial(construct.margin, embedding_dim=24, heads=6)),
    "countries, theorem": ("countries", construct.theorem),
    "random, theorem": ("random:50,2,825", partial(construct.theorem, embedding_dim=10)),
    "random, margin": ("random:50,3,540", partial(construct.margin, embedding_dim=10)),
}


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return the table."""
    home = Path(tempfile.mkdtemp(prefix="attncap-exports-"))
    return COLUMNS, [row for name in MEMORIES for row in rows(name, home)]


def rows(name: str, home: Path) -> Iterator[list[str]]:
    """Memorize, and export to every runtime."""
    source, build = MEMORIES[name]
    held = archive.read(build(tasks.load(source)).save(home / name.replace(", ", "-")))
    own = rounding(held)
    for to in get_args(Format):
        found = memory.export(held, to, home / f"{to} {name}")
        if found.verified is None:
            raise SystemExit(f"{to} is not installed: pip install 'attncap[export]'")
        same = "all" if found.verified == found.facts else f"{found.verified:,}"
        yield [name, f"{found.facts:,}", to, same, f"{found.deviation:.1e}", f"{own:.1e}"]


def rounding(held: Archive) -> float:
    """Return how far the logits in the type that the memory computes in are from those in float64, like a deviation."""
    ready, exact = held.model.ready(), held.model.astype("float64")
    apart, largest = 0.0, 0.0
    for rows in chunks(held.task.associations, exact.row_bytes()):
        sequences = held.task.sequences[rows]
        logits = exact.forward(sequences)[:, exact.candidates]
        apart = max(apart, float(np.abs(ready.forward(sequences)[:, exact.candidates] - logits).max()))
        largest = max(largest, float(np.abs(logits).max()))
    return apart / largest


if __name__ == "__main__":
    main()
