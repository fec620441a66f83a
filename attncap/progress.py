"""Progress bars that a library call feeds and only a command line shows."""

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, runtime_checkable

Item = TypeVar("Item")
# Seconds until a pipe gets its first line about a bar, and at most between two.
FIRST, LONGEST = 5.0, 60.0
# Seconds from which it is said how long a computation will take; again only for one of more than twice the last.
SAID, MORE = 10.0, 2.0
Advance = Callable[[int], None]
_shown: "ContextVar[Bars | None]" = ContextVar("progress", default=None)
_estimated: ContextVar[float] = ContextVar("estimated", default=0.0)


@runtime_checkable
class Bars(Protocol):
    """What shows bars: rich's on a terminal, or anything else that is told of them."""

    @property
    def console(self) -> Any:
        """Whose ``print`` says a line."""

    def add_task(self, description: str, *, total: int | None) -> Any:
        """Open a bar, and return its name."""

    def advance(self, name: Any, steps: int) -> None:
        """Advance it."""

    def remove_task(self, name: Any) -> None:
        """Close it."""


class _Lines:
    """Bars as a line now and then, for what is no terminal."""

    def __init__(self, console: Any) -> None:
        self.console = console
        self._bars: dict[int, _Line] = {}

    def add_task(self, description: str, total: int | None) -> int:
        name = len(self._bars)
        self._bars[name] = _Line(description, total)
        return name

    def advance(self, name: int, steps: int) -> None:
        if said := self._bars[name].advanced(steps, time.monotonic()):
            self.console.print(f"attncap: {said}", markup=False, highlight=False, soft_wrap=True)

    def remove_task(self, name: int) -> None:
        del self._bars[name]


class _Line:
    """One bar of `_Lines`: what to say of it, and when next."""

    def __init__(self, description: str, total: int | None) -> None:
        self._description, self._total, self._done = description, total, 0
        self._started = time.monotonic()
        self._next = FIRST

    def advanced(self, steps: int, now: float) -> str:
        self._done += steps
        passed = now - self._started
        if passed < self._next or self._done == self._total:
            return ""
        self._next = passed + min(self._next, LONGEST)
        if not self._total:
            return f"{self._description}: {self._done:,.0f} after {passed:.0f} s"
        left = passed * max(0, self._total - self._done) / self._done
        done = f"{self._done:,.0f} of {self._total:,.0f}"
        return f"{self._description}: {done} after {passed:.0f} s, about {left:.0f} s left"


@contextmanager
def shown() -> Iterator[None]:
    """Show every bar fed inside this block on stderr, with the remaining time; a pipe gets a line now and then."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        """Steps per second."""

        def render(self, task: Task) -> Text:
            return TaskProgressColumn.render_speed(task.speed)

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    terminal = console.is_terminal
    with (
        Progress(*columns, console=console, transient=True, disable=not terminal) as bars,
        fed(bars if terminal else _Lines(console)),
    ):
        yield


@contextmanager
def fed(bars: Bars) -> Iterator[None]:
    """Feed every bar of this block to an object of one's own."""
    token, last = _shown.set(bars), _estimated.set(0.0)
    try:
        yield
    finally:
        _shown.reset(token)
        _estimated.reset(last)


@contextmanager
def bar(description: str, total: int | None = None) -> Iterator[Advance]:
    """Open one bar; the block calls ``advance(steps)`` as it goes.

    Example:
        >>> with bar("solve", total=3) as advance:
        ...     advance(1)
    """
    bars = _shown.get()
    if bars is None:
        yield lambda steps: None
        return
    task = bars.add_task(description, total=total)
    try:
        yield lambda steps: bars.advance(task, steps)
    finally:
        bars.remove_task(task)


def note(text: str) -> None:
    """Say a line where the bars are shown.

    Example:
        >>> note("said only to a person who waits")
    """
    if bars := _shown.get():
        bars.console.print(text, markup=False, highlight=False, soft_wrap=True)


def watched() -> bool:
    """Say whether bars are shown here.

    Example:
        >>> watched()
        False
    """
    return _shown.get() is not None


def estimate(seconds: float, text: str) -> None:
    """Say a line about how long something will take, unless that is short or was said of what it is part of."""
    if _shown.get() and seconds >= max(SAID, MORE * _estimated.get()):
        _estimated.set(seconds)
        note(f"attncap: {text}")


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Pass the items on while a bar counts them.

    Example:
        >>> list(track(range(3), "count"))
        [0, 1, 2]
    """
    with bar(description, total or len(items) if isinstance(items, Sized) else total) as advance:
        for item in items:
            yield item
            advance(1)
