"""A limit of time that a search keeps, whatever it is made of."""

import time
from dataclasses import dataclass, field


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
