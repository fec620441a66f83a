"""Living memories: twenty facts changed in each mode, against factoring and memorizing."""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import scipy.linalg

from attncap import archive, construct, memory, tasks, train
from attncap.archive import Archive
from attncap.construct.associations.random_attention import features
from benchmarks.page import Rows, show

COLUMNS = ("memory", "facts", "changed", "right", "others kept", "smallest margin", "method", "time")
CHANGED = 20
BUILDS: dict[str, Callable[[tasks.Associations], construct.Fit]] = {
    "countries, theorem": construct.theorem,
    "countries, joint, d = 7, 48 heads": partial(construct.joint, embedding_dim=7, heads=48),
    "countries, margin, d = 16, 64 heads": partial(construct.margin, embedding_dim=16, heads=64),
    "elements, trained, d = 12, 4 heads": partial(train.memorize, embedding_dim=12, heads=4),
}


def main() -> None:
    """Print the table; times are of this process's own processor."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return the table."""
    home = Path(tempfile.mkdtemp(prefix="attncap-living-"))
    return COLUMNS, [row for name in BUILDS for row in rows(name, home)]


def rows(name: str, home: Path) -> Iterator[list[str]]:
    """Memorize a table in one way, and change twenty facts and then one more."""
    source, method, *_ = name.split(", ")
    path = home / method
    started = time.process_time()
    BUILDS[name](tasks.load(source)).save(path)
    memorizing = time.process_time() - started
    held = archive.read(path)
    unit, of = (factoring(held), "of a Cholesky factor") if method == "theorem" else (memorizing, "of memorizing")
    editor = memory.Editor(held)
    for changes in (turned(held, CHANGED), turned(held, 1, 7)):
        started = time.process_time()
        found = editor.edit(changes)
        yield told(name, found, f"{(time.process_time() - started) / unit:.2f} {of}")


def told(name: str, found: memory.Edited, times: str) -> list[str]:
    """Return a row of the table."""
    right = found.recall.correct == found.memory.task.associations
    lost = found.memory.task.associations - found.recall.correct
    margins = f"{found.margins['before']:.3f} to {found.margins['after']:.3f}"
    return [
        name,
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
    """Time the Cholesky factor of the F x F Gram matrix of the heads' features, in place and in LAPACK's order."""
    model = held.model.astype("float64")
    read = features(model, held.task)[:, model.embedding_dim :]
    gram = read.T @ read
    gram[np.diag_indices(len(gram))] += 1e-10 * np.trace(gram) / len(gram)
    started = time.process_time()
    scipy.linalg.cho_factor(gram.T, overwrite_a=True, check_finite=False)
    return time.process_time() - started


if __name__ == "__main__":
    main()
