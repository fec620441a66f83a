"""Margin mode: how far beyond the corrected count it gets, and how few heads real and random tasks take."""

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
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
    print(f"exact in {{', '.join(exact)}}; certified in {{', '.join(certified)}};",
          f"{{task.associations / fit.capacity['rank']:.1f}} x the count; {{fit.details['evaluations']}} evaluations")
"""
# (source, d, heads, type, seeds)
CASES = (
    ("random:50,3,540", 10, 11, "float32", 4),
    ("random:1000,2,1200", 10, 11, "float32", 4),
    ("random:10,3,480", 10, 11, "float32", 4),
    ("random:2,12,191", 10, 11, "float32", 4),
    ("random:1000,8,10000", 64, 19, "bfloat16", 1),
    ("random:1000,8,10000", 64, 9, "bfloat16", 1),
    ("random:1000,8,10000", 64, 3, "bfloat16", 1),
    ("airports", 64, 60, "float32", 1),
    ("airports", 64, 30, "float32", 1),
    ("airports", 64, 20, "float32", 1),
    ("random:10000,4,100000", 128, 20, "float32", 1),
)


def main() -> None:
    """Print the table."""
    table = Table("task", "d", "heads", "for", "seed", "seconds", "peak GB", "result")
    table.title = f"Margin mode on {describe()}"
    for source, dim, heads, dtype, seeds in CASES:
        for seed in range(seeds):
            code = FIT.format(source=source, dim=dim, heads=heads, dtype=dtype, seed=seed)
            seconds, memory, printed = measured(code)
            shape = (source, str(dim), str(heads), dtype, str(seed))
            table.add_row(*shape, f"{seconds:.1f}", f"{memory:.2f}", printed)
    Console().print(table)


if __name__ == "__main__":
    main()
