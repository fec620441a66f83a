"""State the time that a computation takes before it takes it; a limit of time that a search keeps."""

import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from attncap.errors import InputError, UnmetError
from attncap.progress import estimate
from attncap.result import several


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


# Seconds of one core, on one server: a multiplication, an exponential. An estimate, not a measurement of this machine.
MULTIPLICATION, EXPONENTIAL = 9e-11, 6e-9
# Beyond this many seconds nobody means it.
LONGEST = 365 * 86400.0


@dataclass
class _Foretelling:
    """What a computation has said that it will take."""

    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.seconds += seconds
        if self.seconds > QUICK:
            raise _Foretold


class _Foretold(BaseException):
    """A computation has said what it will take, and need not begin."""


_foretelling: ContextVar[_Foretelling | None] = ContextVar("foretelling", default=None)
# What says that it takes less, in seconds, is computed: more may come after it.
QUICK = 0.05


def expect(seconds: float, what: str, instead: str = "choose a smaller task or shape") -> None:
    """Say how long a computation will take before it begins, if it is long; refuse one of years.

    Args:
        seconds: of one core, estimated.
        what: names it in the message.
        instead: what to do, the end of the message.

    Raises:
        UnmetError: over a year.

    Example:
        >>> expect(3e9, "training 5 models", "choose fewer steps")
        Traceback (most recent call last):
        attncap.errors.UnmetError: training 5 models would take about 95 years of one core; choose fewer steps
    """
    if seconds > LONGEST:
        raise UnmetError(f"{what} would take about {duration(seconds)} of one core; {instead}")
    if told := _foretelling.get():
        told.add(seconds)
    estimate(seconds, f"{what}: about {duration(seconds)} of one core")


def foretell(work: Callable[[], Any]) -> float:
    """Return the seconds that a computation says it will take, by `expect`, before it takes them.

    Args:
        work: begins it; what says nothing runs to its end.

    Returns:
        Seconds of one core: those said, or taken where nothing was.

    Example:
        >>> foretell(lambda: expect(3600.0, "training"))
        3600.0
        >>> foretell(lambda: None) < 1
        True
    """
    started, told = time.perf_counter(), _Foretelling()
    token = _foretelling.set(told)
    try:
        work()
    except _Foretold:
        return told.seconds
    finally:
        _foretelling.reset(token)
    return time.perf_counter() - started


def duration(seconds: float) -> str:
    """Write a time in the largest unit of which it holds two, as an estimate deserves.

    Example:
        >>> duration(0.2), duration(100.0), duration(7e3), duration(2e5)
        ('1 second', '100 seconds', '117 minutes', '2 days')
    """
    unit, size = next(((unit, size) for unit, size in SIZES.items() if seconds >= 2 * size), ("second", 1.0))
    return several(max(1, round(seconds / size)), unit)


SIZES = {"year": LONGEST, "day": 86400.0, "hour": 3600.0, "minute": 60.0}
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
