"""Margin mode: how far beyond the corrected count it gets, and how few heads real and random tasks take."""

from collections.abc import Iterator

from benchmarks.page import Rows, show
from benchmarks.theorem import measured

FIT = """
from attncap import construct, tasks
task = tasks.load("{source}", seed={seed})
try:
    fit = construct.margin(task, {dim}, heads={heads}, dtype="{dtype}", seed={seed})
except construct.NotMemorized as error:
    print(error)
else:
    exact = [dtype for dtype, recall in fit.recall.items() if recall.accuracy == 1]
    certified = [dtype for dtype, recall in fit.recall.items() if recall.certified]
    print(f"exact in {{', '.join(exact)}}; certified in {{', '.join(certified) or 'none'}};",
          f"{{task.associations / fit.capacity['rank']:.1f}} x the count")
"""
# (source, d, heads, type, seeds)
SMALL = (
    ("random:50,3,540", 10, 11, "float32", 4),
    ("random:1000,2,1200", 10, 11, "float32", 4),
    ("random:10,3,480", 10, 11, "float32", 4),
    ("random:2,12,191", 10, 11, "float32", 4),
    ("random:1000,8,10000", 64, 9, "bfloat16", 1),
)
LARGE = (
    ("random:1000,8,10000", 64, 3, "bfloat16", 1),
    ("airports", 64, 60, "float32", 1),
    ("airports", 64, 30, "float32", 1),
    ("airports", 64, 20, "float32", 1),
    ("random:10000,4,100000", 128, 20, "float32", 1),
)
COLUMNS = ("task", "d", "heads", "seed", "result")


def main() -> None:
    """Print the table, time and memory beside it."""
    show((*COLUMNS, "seconds", "peak GB"), list(rows(SMALL + LARGE)))


def table() -> tuple[tuple[str, ...], Rows]:
    """Return what the small cases reach."""
    return COLUMNS, [row[:-2] for row in rows(SMALL)]


def rows(cases: tuple[tuple[str, int, int, str, int], ...]) -> Iterator[list[str]]:
    """Fit every case with every seed, each in a process of its own."""
    for source, dim, heads, dtype, seeds in cases:
        for seed in range(seeds):
            code = FIT.format(source=source, dim=dim, heads=heads, dtype=dtype, seed=seed)
            seconds, memory, printed = measured(code)
            yield [source, str(dim), str(heads), str(seed), printed, f"{seconds:.1f}", f"{memory:.2f}"]


if __name__ == "__main__":
    main()
