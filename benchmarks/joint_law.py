"""The sweep behind the law of method joint: the most random associations that small shapes hold, as a table.

    python -m benchmarks.joint_law STORE

runs (or continues) the sweep in the directory STORE and writes attncap/bounds/joint_law.csv.
"""

import sys

from benchmarks.margin_law import TABLE as MARGIN
from benchmarks.margin_law import write

TABLE = MARGIN.with_name("joint_law.csv")
# vocabulary, context, embedding_dim, head_dim, heads: as the search for the smallest has them.
CELLS = [
    *((20, 2, 4, 1, heads) for heads in (6, 12)),
    *((50, 2, 4, 1, heads) for heads in (5, 12)),
    (50, 2, 6, 1, 66),
    *((50, 2, 8, 1, heads) for heads in (12, 24)),
    (50, 2, 12, 1, 36),
    (100, 2, 8, 1, 24),
    (100, 2, 16, 1, 24),
    (200, 2, 6, 1, 9),
    (10, 3, 4, 1, 4),
    (20, 3, 6, 1, 6),
    (50, 3, 10, 1, 20),
    (5, 5, 4, 1, 6),
]


def main() -> None:
    write(TABLE, "joint", CELLS, sys.argv[1])


if __name__ == "__main__":
    main()
