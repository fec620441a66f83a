"""Method joint: the smallest memories that its search found, filled again, with their time."""

from collections.abc import Iterator

import numpy as np

from attncap import construct, tasks
from benchmarks.page import Rows, show

COLUMNS = (
    "task",
    "d",
    "heads",
    "type",
    "parameters in use",
    "bits per parameter in use",
    "bytes",
    "bits per stored bit",
    "exact in",
    "evaluations",
)
# Source, embedding dimension, heads of one dimension, type.
CASES = (
    ("capitals", 3, 1, "float32"),
    ("capitals", 3, 1, "int8"),
    ("capitals", 2, 1, "float32"),
    ("facts:150,3,60", 4, 7, "float32"),
    ("random:50,2,190", 3, 9, "float32"),
    ("random:50,2,190", 5, 5, "int8"),
    ("random:50,2,825", 8, 24, "float32"),
    ("random:50,2,825", 10, 30, "int8"),
    ("random:50,2,1590", 8, 75, "float32"),
    ("elements", 3, 1, "float32"),
    ("factbook", 8, 3, "float32"),
    ("factbook", 8, 3, "int8"),
    ("countries", 7, 48, "float32"),
    ("countries", 7, 48, "int8"),
    ("countries", 5, 18, "float32"),
    ("airports", 12, 32, "float32"),
)


def random_facts(subjects: int, relations: int, objects: int, seed: int = 0) -> tasks.Associations:
    """Draw an object for every relation of every subject."""
    asked = np.stack(np.meshgrid(subjects + np.arange(relations), np.arange(subjects), indexing="ij"), -1).reshape(
        -1, 2
    )
    first = subjects + relations
    answers = first + np.random.default_rng(seed).integers(objects, size=len(asked))
    return tasks.associations(asked, answers, first + objects, name=f"facts:{subjects},{relations},{objects}")


def opened(source: str) -> tasks.Associations:
    """Return a task by its name."""
    if source.startswith("facts:"):
        return random_facts(*(int(number) for number in source[6:].split(",")))
    return tasks.load(source)


def main() -> None:
    """Print the table, with times."""
    show((*COLUMNS, "seconds"), list(rows()))


def table() -> tuple[tuple[str, ...], Rows]:
    """Return the table, without times."""
    return COLUMNS, [row[:-1] for row in rows()]


def rows() -> Iterator[list[str]]:
    """Fill every shape."""
    for source, dim, heads, dtype in CASES:
        task = opened(source)
        try:
            fit = construct.joint(task, dim, heads=heads, dtype=dtype)
        except construct.NotMemorized as error:
            yield [source, str(dim), str(heads), dtype, "", "", "", "", str(error), "", ""]
            continue
        exact = ", ".join(dtype for dtype, recall in fit.recall.items() if recall.accuracy == 1)
        used = fit.shape.parameters_in_use
        size, stored = fit.shape.bytes, fit.bits_per["stored_bit"]
        held = (f"{used:,}", f"{task.bits / used:.2f}", f"{size:,}", f"{stored:.3f}")
        cost = (f"{fit.details['evaluations']:,}", f"{fit.seconds:.1f}")
        yield [source, str(dim), str(heads), dtype, *held, exact, *cost]


if __name__ == "__main__":
    main()
