"""A limit of time that a search keeps, whatever it is made of."""

import re
import time
from dataclasses import dataclass, field

from attncap.errors import InputError


@dataclass(frozen=True)
class Budget:
    """So many seconds from now on.

    Attributes:
        seconds: how many.

    Example:
        >>> Budget(0.0).spent, Budget(1e9).spent
        (True, False)
    """

    seconds: float
    _started: float = field(default_factory=time.monotonic, repr=False)

    @property
    def elapsed(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._started

    @property
    def left(self) -> float:
        """Seconds that are left; negative beyond."""
        return self.seconds - self.elapsed

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0


UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(option: str, text: str) -> float:
    """Read a duration: a number of seconds, or of the unit after it.

    Raises:
        InputError: names the option.

    Example:
        >>> seconds("within", "10m"), seconds("within", "90")
        (600.0, 90.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not found or not float(found[1]):
        raise InputError(option, "a duration like 90s, 10m or 1.5h", text)
    return float(found[1]) * UNITS[found[2]]
