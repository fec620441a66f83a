"""What forgetting leaves, way by way and method by method: evidence, what an attacker reads, what comes back."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from attncap import archive, construct, memory, tasks, train
from benchmarks.page import Rows, show

COLUMNS = ("memory", "way", "evidence", "p", "read", "turned", "last map alone", "others kept", "come back", "forgot")
TASK, FACTS = "random:30,2,300", 18
BUILDS: dict[str, Callable[[tasks.Associations], Any]] = {
    "theorem": partial(construct.theorem, embedding_dim=12),
    "margin": partial(construct.margin, embedding_dim=12),
    "joint": partial(construct.joint, embedding_dim=8, heads=8),
    "trained": partial(train.memorize, embedding_dim=12, heads=4),
    "perceptron, theorem": partial(construct.perceptron, embedding_dim=12, units=300, method="theorem"),
    "perceptron, margin": partial(construct.perceptron, embedding_dim=12, method="margin"),
    "perceptron, joint": partial(construct.perceptron, embedding_dim=8, method="joint"),
}


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return the table: facts that share their answers, so that a suppressed one still has a row to be read."""
    home = Path(tempfile.mkdtemp(prefix="attncap-forgetting-"))
    return COLUMNS, [row for name in BUILDS for row in rows(name, home)]


def rows(name: str, home: Path) -> Iterator[list[str]]:
    """Memorize in one way, and forget in all three."""
    task = tasks.load(TASK)
    held = archive.read(BUILDS[name](task).save(home / name.replace(", ", "-")))
    chosen = np.random.default_rng(0).choice(task.associations, FACTS, replace=False)
    found = memory.forget(held, [task.words(row)[0] for row in chosen.tolist()], way="retrain")
    for way in found.ways:
        back = "" if way.relearned is None else f"{way.relearned.returned} of {way.relearned.asked}"
        yield [
            name,
            way.way,
            f"{way.evidence:.1f}",
            f"{way.rank_p:.2f}",
            *(str(count) for count in way.recovered.values()),
            f"{way.kept:,} of {found.others:,}",
            back,
            "yes" if way.forgotten else "no",
        ]


if __name__ == "__main__":
    main()
