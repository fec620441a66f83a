"""What a search for the largest task returns."""

from dataclasses import dataclass

from attncap.result import Result


@dataclass(frozen=True)
class Capacity(Result):
    r"""The largest task of a kind that a method memorizes in a shape, by bracketing search.

    Attributes:
        kind: of the task: "associations".
        method: how weights are found.
        capacity: the largest number memorized with the median seed; of an even number of seeds, the lower one.
        bracket: the same, and the smallest number tried that was not memorized with this seed (None if all of the
            sequences that exist were memorized).
        theorem: what the theorem promises.
        rank: the corrected count.
        seeds: the largest number memorized with each seed.
        ratio: capacity over the corrected count.
        bits: of the capacity: $\log_2 N$ an association.
        bits_per_parameter: the same over the free parameters of the shape.
        dtype: the type in which the recall had to be exact.
        seconds: wall time.
        certified: whether it had to be certified too; else it is measured.
    """

    kind: str
    method: str
    capacity: int
    bracket: tuple[int, int | None]
    theorem: int
    rank: int
    seeds: tuple[int, ...]
    ratio: float
    bits: float
    bits_per_parameter: float
    dtype: str
    seconds: float
    certified: bool

    @property
    def cites(self) -> tuple[str, ...]:
        """The method, and the bounds beside it."""
        return (self.method, "dana2025", "corrected")
