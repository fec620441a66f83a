"""Progress bars that a library call feeds and only a command line shows."""

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")
Advance = Callable[[int], None]
_shown: ContextVar = ContextVar("progress", default=None)


@contextmanager
def shown() -> Iterator[None]:
    """Show every bar fed inside this block on stderr, with the remaining time."""
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
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        token = _shown.set(bars)
        try:
            yield
        finally:
            _shown.reset(token)


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
        bars.console.print(text, markup=False, highlight=False)


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
