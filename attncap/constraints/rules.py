"""What an annotation adds to a type: rules, and the numbers that are asked for everywhere."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from attncap.errors import InputError

if TYPE_CHECKING:  # The command line starts without it.
    import numpy as np


@dataclass(frozen=True)
class Range:
    """Numbers between two ends; ``open`` leaves the ends out.

    Example:
        >>> 0 in Range(1), float("nan") in Range(0, 1), 0.5 in Range(0, 1, open=True)
        (False, False, True)
        >>> str(Range(1)), str(Range(0, 1)), str(Range(0, open=True))
        ('of at least 1', 'from 0 to 1', 'above 0')
    """

    least: float | int = -math.inf
    most: float | int = math.inf
    open: bool = False

    def __contains__(self, value: Any) -> bool:
        return bool(self.least < value < self.most if self.open else self.least <= value <= self.most)

    def __str__(self) -> str:
        if self.most == math.inf:
            return f"above {self.least}" if self.open else f"of at least {self.least}"
        return f"between {self.least} and {self.most}" if self.open else f"from {self.least} to {self.most}"


@dataclass(frozen=True)
class Numbers(Range):
    """One number or an array of them, of any shape, each finite and between the ends.

    Example:
        >>> [1, 2] in Numbers(0), [] in Numbers(0), [1, -1] in Numbers(0)
        (True, False, False)
    """

    def __contains__(self, value: Any) -> bool:
        try:
            array = reals(value, "")
        except InputError:
            return False
        return array.size > 0 and all(
            abs(end) < math.inf and super(Numbers, self).__contains__(end) for end in (array.min(), array.max())
        )

    def __str__(self) -> str:
        known = self.least > -math.inf or self.most < math.inf
        return f"{super().__str__().removeprefix('of ')} and finite" if known else "finite numbers"


@dataclass(frozen=True)
class OneOf:
    """Words of a list."""

    words: Collection[str]

    def __contains__(self, value: Any) -> bool:
        return value in self.words

    def __str__(self) -> str:
        return f"one of {', '.join(self.words)}"


@dataclass(frozen=True)
class Called:
    """Objects of a class of this name, or of one derived from it: the class itself need not be imported."""

    name: str

    def __contains__(self, value: Any) -> bool:
        return self.name in (kind.__name__ for kind in type(value).__mro__)

    def __str__(self) -> str:
        return f"an object of {self.name}"


Count = Annotated[int, Range(1)]
Natural = Annotated[int, Range(0)]
Seed = Annotated[int, Range(0)]
Positive = Annotated[float | int, Range(0, open=True)]
NotNegative = Annotated[float | int, Range(0)]
Share = Annotated[float | int, Range(0, 1)]


def reals(values: Any, what: str) -> "np.ndarray":
    """Make an array of float64.

    Raises:
        InputError: says of ``what`` that it holds something else, or that some of it is masked.

    Example:
        >>> reals([1, 2], "labels").tolist()
        [1.0, 2.0]
        >>> reals([1j], "labels")
        Traceback (most recent call last):
            ...
        attncap.errors.InputError: labels: expected an array of real numbers, got [1j]
    """
    import numpy as np

    try:
        array = np.asanyarray(values)
        known = array.dtype.kind in "biufO" or (array.dtype.kind == "V" and not array.dtype.names)
        if known and not isinstance(array, np.ma.MaskedArray):
            return array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    raise InputError(what, "an array of real numbers", values)
