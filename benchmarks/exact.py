"""What one layer holds with every answer right: trained by recipe best and descended jointly, and the time of each."""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from attncap import bounds, tasks
from attncap.construct.associations.joint_mode import EVALUATIONS, reached
from attncap.construct.associations.joint_stages import Goal
from attncap.train import BEST, Architecture
from attncap.train.associations.problem import Lane
from attncap.train.loop.lanes import train
from benchmarks.one_layer import EACH, SHAPE
from benchmarks.page import Rows, show

SEEDS = range(5)
# Heads, and the numbers of associations that are tried: around the largest that either method holds.
LADDERS = {
    1: (170, 180, 190, 200, 210, 220, 230, 260, 300, 320, 340, 360, 380, 400),
    4: (750, 775, 800, 825, 850, 875, 900),
    11: (1500, 1545, 1590, 1635, 1680, 1725, 1770, 1815),
}
COLUMNS = (
    "heads",
    "found by",
    "most exact, each seed",
    "median",
    "bits per parameter",
    "both hold",
    "CPU seconds there",
    "times joint's",
    "CPU seconds of the compiler before",
)
SIZES = (SHAPE["vocabulary"], SHAPE["context"], SHAPE["embedding_dim"], SHAPE["head_dim"])


def trained(heads: int, count: int, seed: int, steps: int = BEST.steps) -> bool:
    """Whether recipe best, which forgets nothing where all is to be right, recalls a whole task."""
    lane = Lane(tasks.random_associations(*SIZES[:2], count, seed), Architecture(*SIZES, heads), seed)
    return train([lane], replace(BEST, forget_from=1.0, steps=steps)).models[0].recall == 1


def descended(heads: int, count: int, seed: int) -> bool:
    """Whether method joint holds it, before it is verified in other types and counted."""
    goal = Goal(tasks.random_associations(*SIZES[:2], count, seed), "float32", False, EVALUATIONS, None)
    return reached(goal, *SIZES[2:], heads, SHAPE["head_dim"], seed).holds


@dataclass
class Side:
    """A method, a shape and a seed: whether tasks were held, and the seconds of processor time that each took."""

    holds: Callable[[int, int, int], bool]
    heads: int
    seed: int
    seconds: dict[int, float] = field(default_factory=dict)
    held: dict[int, bool] = field(default_factory=dict)

    def at(self, count: int) -> bool:
        """Try a task, once."""
        if count not in self.held:
            started = time.process_time()
            self.held[count] = self.holds(self.heads, count, self.seed)
            self.seconds[count] = time.process_time() - started
            print(self, file=sys.stderr, flush=True)
        return self.held[count]

    def most(self, ladder: tuple[int, ...]) -> int:
        """Climb from the middle to the first task that fails, or down to the first that holds; 0 where none does."""
        middle = len(ladder) // 2
        if self.at(ladder[middle]):
            failed = (i for i in range(middle + 1, len(ladder)) if not self.at(ladder[i]))
            return ladder[next(failed, len(ladder)) - 1]
        return next((count for count in reversed(ladder[:middle]) if self.at(count)), 0)


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return two rows a number of heads."""
    return COLUMNS, [row for heads, ladder in LADDERS.items() for row in rows(heads, ladder)]


def rows(heads: int, ladder: tuple[int, ...]) -> list[list[str]]:
    """Return what both methods hold, and their time at the most that both do, together over the seeds."""
    started = time.process_time()
    trained(heads, ladder[0], 0, steps=1)
    compiler = time.process_time() - started
    for count in ladder:
        # Tasks of nearly one size share a program.
        trained(heads, count, 0, steps=1)
    best, joint = ([Side(holds, heads, seed) for seed in SEEDS] for holds in (trained, descended))
    most = [[side.most(ladder) for side in sides] for sides in (best, joint)]
    common = [
        next((c for c in reversed(ladder) if c <= min(tops) and one.at(c) and other.at(c)), 0)
        for one, other, tops in zip(best, joint, zip(*most, strict=True), strict=True)
    ]
    spent = [sum(side.seconds.get(c, 0.0) for side, c in zip(sides, common, strict=True)) for sides in (best, joint)]
    parameters = bounds.values.complete({**SHAPE, "heads": heads})["parameters"]
    found = []
    for name, tops, seconds, before in zip(("recipe `best`", "joint"), most, spent, (compiler, 0.0), strict=True):
        median = statistics.median(tops)
        row = [str(heads), name, " ".join(map(str, tops)), f"{median:g}", f"{median * EACH / parameters:.2f}"]
        found.append([*row, " ".join(map(str, common)), f"{seconds:.1f}", f"{seconds / spent[1]:.1f}", f"{before:.1f}"])
    return found


if __name__ == "__main__":
    main()
