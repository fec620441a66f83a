"""What every way of finding weights returns."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncap import archive
from attncap.fits.shape import PerceptronShape, Sizes
from attncap.models import Model
from attncap.result import Result
from attncap.tasks import Associations, Examples


@dataclass(frozen=True, kw_only=True)
class Found(Result, ABC):
    """Weights that a method found for a task: one model, or several of one shape.

    Attributes:
        task: what they were to memorize.
        shape: size of each model.
        method: how the weights were found.
        details: choices made on the way.
        seconds: wall time.
    """

    task: Associations | Examples
    shape: Sizes
    method: str
    details: dict[str, Any]
    seconds: float

    if TYPE_CHECKING:  # Fields of some classes and properties of others.

        @property
        def model(self) -> Model:
            """The weights; of several models those that recall most."""

        @property
        def seed(self) -> int:
            """What the draws of `model` started from."""

        @property
        def dtype(self) -> str:
            """The type that the weights are meant for."""

    @property
    @abstractmethod
    def recalled(self) -> tuple[float, ...]:
        """Share of the task that each model recalls, its weights in ``dtype``."""

    @property
    def cites(self) -> tuple[str, ...]:
        """The method."""
        return (self.method,)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write model, vocabulary, task and result to a directory: see `attncap.archive.write`."""
        return archive.write(self, path, force=force)

    def ask(self, tokens: Sequence[str]) -> archive.Answer:
        """Ask the weights, in ``dtype``, for the answer to one sequence: see `attncap.archive.Archive.ask`."""
        return archive.of(self).ask(tokens)

    def __repr__(self) -> str:
        size = f"dh={self.shape.head_dim}, H={self.shape.heads}"
        if isinstance(self.shape, PerceptronShape):
            size = f"w={self.shape.units}"
        shape = f"d={self.shape.embedding_dim}, {size}"
        recalled = ", ".join(f"{share:.2%}" for share in self.recalled)
        return f"{type(self).__name__}({self.task.name!r}, {self.method!r}, {shape}, {self.dtype}, recalled {recalled})"
