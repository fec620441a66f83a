"""The sweep behind the law of method joint: the most random associations that small shapes hold, as a table.

    python -m benchmarks.joint_law STORE

runs (or continues) the sweep in the directory STORE and writes attncap/bounds/joint_law.csv.
"""

import sys

from benchmarks.margin_law import TABLE as MARGIN
from benchmarks.margin_law import write

TABLE = MARGIN.with_name("joint_law.csv")
# vocabulary, context, embedding_dim, head_dim, heads: heads of one dimension, as the search for the smallest has them.
CELLS = [
    *((20, 2, 4, 1, heads) for heads in (2, 6, 12)),
    *((50, 2, 4, 1, heads) for heads in (2, 5)),
    (100, 2, 4, 1, 4),
    (10, 3, 4, 1, 4),
    (200, 2, 4, 1, 6),
    (50, 2, 8, 1, 4),
    (5, 5, 4, 1, 6),
    (20, 3, 6, 1, 6),
    (50, 3, 6, 1, 8),
    (50, 2, 8, 1, 16),
    (50, 2, 4, 1, 12),
    (50, 2, 12, 1, 8),
]


def main() -> None:
    write(TABLE, "joint", CELLS, sys.argv[1])


if __name__ == "__main__":
    main()
