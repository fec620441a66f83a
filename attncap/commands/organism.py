"""Sets of memories with known ground truth."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attncap.memory import Organism


def organism(spec: Path, *, out: Path, force: bool = False) -> "Organism":
    """Write full memories, memories made without each forget set, and random twins.

    Args:
        spec: a .toml file of sources, methods, shapes, seeds and forget sets.
        out: the directory.
        force: replace an earlier organism.

    Returns:
        The counts.

    Raises:
        InputError: the description is wrong.
        UnmetError: a shape does not hold a source.
    """
    from attncap import memory

    return memory.organism(spec, out, force=force)
