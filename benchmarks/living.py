"""Living memories: twenty facts of countries changed in theorem and margin mode, against factoring and memorizing."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import scipy.linalg

from attncap import archive, construct, memory, tasks
from attncap.archive import Archive
from attncap.construct.associations.linear_system import LinearSystem
from benchmarks.page import Rows, show

COLUMNS = ("memory", "facts", "changed", "right", "others kept", "smallest margin", "method", "time, of")
CHANGED = 20
BUILDS: dict[str, Callable[[tasks.Associations], construct.Fit]] = {
    "theorem": construct.theorem,
    "margin, 2 heads": partial(construct.margin, heads=2),
}


def main() -> None:
    """Print the table; times are of this process's own processor."""
    show(COLUMNS, list(rows()))


def table() -> tuple[tuple[str, ...], Rows]:
    """Return all but the times, of the theorem's memory: margin mode takes many minutes."""
    return COLUMNS[:-1], [row[:-1] for row in rows(["theorem"])]


def rows(names: Iterable[str] = BUILDS, home: Path | None = None) -> Iterator[list[str]]:
    """Memorize countries in each way, and change twenty facts and then one more."""
    home = home or Path(tempfile.mkdtemp(prefix="attncap-living-"))
    for name in names:
        path = home / name.split(",")[0]
        started = time.process_time()
        if not path.exists():
            BUILDS[name](tasks.load("countries")).save(path)
        memorizing = time.process_time() - started
        held = archive.read(path)
        unit, of = (factoring(held), "one Cholesky factor") if name == "theorem" else (memorizing, "memorizing")
        editor = memory.Editor(held)
        for changes in (turned(held, CHANGED), turned(held, 1, 7)):
            started = time.process_time()
            found = editor.edit(changes)
            seconds = time.process_time() - started
            yield told(name, found, f"{seconds / unit:.2f} of {of}")


def told(name: str, found: memory.Edited, times: str) -> list[str]:
    """Return a row of the table."""
    right = found.recall.correct == found.memory.task.associations
    lost = found.memory.task.associations - found.recall.correct
    margins = f"{found.margins['before']:.3f} to {found.margins['after']:.3f}"
    return [
        f"countries, {name}",
        f"{found.memory.task.associations:,}",
        str(found.changed),
        "all" if right else f"all but {lost}",
        f"{found.kept:,} of {found.others:,}",
        margins,
        found.method,
        times,
    ]


def turned(held: Archive, count: int, start: int = 0) -> list[tuple[str, ...]]:
    """Give facts across the task the answer of the next."""
    task = held.task
    chosen = np.linspace(start, task.associations - 50 + start, count).astype(int)
    facts = [task.words(row) for row in chosen.tolist()]
    answers = [task.words(int(row) + 1)[1] for row in chosen]
    return [(*words[::-1], answer) for (words, old), answer in zip(facts, answers, strict=True) if answer != old]


def factoring(held: Archive) -> float:
    """Time the Cholesky factor of the F x F Gram matrix of the heads' features, the matrix at hand, in seconds."""
    model = held.model.astype("float64")
    features = LinearSystem.of(model, held.task).matrix[:, model.embedding_dim :]
    gram = features.T @ features
    gram[np.diag_indices(len(gram))] += 1e-10 * np.trace(gram) / len(gram)
    started = time.process_time()
    scipy.linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
    return time.process_time() - started


if __name__ == "__main__":
    main()
