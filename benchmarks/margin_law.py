"""The sweep behind the law of margin mode: the most random associations that small shapes hold, as a table.

    python -m benchmarks.margin_law STORE

runs (or continues) the sweep in the directory STORE and writes attncap/bounds/margin_law.csv.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from attncap import bounds, sweep

TABLE = Path(bounds.__file__).with_name("margin_law.csv")
SEEDS = 2
# vocabulary, context, embedding_dim, head_dim, heads: one size varied at a time, then corners.
CELLS = [
    *((50, 2, 10, 10, heads) for heads in (1, 2, 4, 8, 16, 21)),
    *((50, 3, 10, 10, heads) for heads in (4, 16)),
    (50, 6, 10, 10, 4),
    *((50, 2, 10, dim, 40 // dim) for dim in (1, 2, 5)),
    (50, 3, 10, 5, 24),
    *((50, 2, 3, 3, heads) for heads in (8, 32)),
    *((50, 2, 4, 4, heads) for heads in (4, 16, 40)),
    *((50, 2, 6, 6, heads) for heads in (4, 16)),
    *((50, 2, 16, 16, heads) for heads in (1, 2, 4, 8)),
    *((50, 3, 32, 32, heads) for heads in (1, 2)),
    *((50, 3, 32, 8, heads) for heads in (2, 8)),
    *((2, 12, 10, 10, heads) for heads in (2, 4, 10)),
    (2, 12, 4, 4, 16),
    *((3, 8, 6, 6, heads) for heads in (3, 10)),
    *((5, 6, 8, 8, heads) for heads in (2, 8)),
    *((10, 3, 10, 10, heads) for heads in (2, 4)),
    *((10, 4, 4, 4, heads) for heads in (8, 24)),
    *((20, 3, 8, 8, heads) for heads in (2, 8, 16)),
    *((200, 2, 10, 10, heads) for heads in (2, 4, 8, 16)),
    *((200, 2, 20, 20, heads) for heads in (1, 4)),
    *((200, 4, 6, 6, heads) for heads in (8, 24)),
    (1000, 2, 10, 10, 4),
]
NAMES = ("vocabulary", "context", "embedding_dim", "head_dim", "heads")


def main() -> None:
    write(TABLE, "margin", CELLS, sys.argv[1])


def write(path: Path, method: str, cells: Sequence[tuple[int, ...]], store: str) -> None:
    """Measure the capacity of a method in every cell, and write the table."""
    columns = dict(zip(NAMES, map(list, zip(*cells, strict=True)), strict=True))
    grid = sweep.Grid("capacity", fixed={"method": method, "seeds": SEEDS}, zip=columns)
    print(sweep.run(grid, store))
    found = sweep.table(store).filter(pl.col("error").is_null())
    rows = found.select(
        *NAMES,
        pl.col("result.rank").alias("corrected"),
        pl.col("result.seeds").list.min().alias("least"),
        pl.col("result.seeds").list.max().alias("most"),
    )
    path.write_text(f"# written by: python -m benchmarks.{path.stem} STORE\n" + rows.sort(NAMES).write_csv())


if __name__ == "__main__":
    main()
