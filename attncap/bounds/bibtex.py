"""BibTeX for exactly what was used."""

from collections.abc import Iterator
from typing import Any

from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.sources import SOURCES
from attncap.errors import InputError, nearest
from attncap.result import Result

# What each method of the package rests on.
METHODS: dict[str, tuple[str, ...]] = {
    "theorem": ("dana2025",),
    "margin": ("attncap", "dana2025"),
    "train": ("attncap", "dana2025"),
    "distribution": ("dana2025", "attncap"),
    "examples": ("mahdavi2024",),
    "audit": ("mahdavi2024",),
    "interpolation": ("liao2025",),
    "bits": ("morris2025",),
}


def citation(*used: Any) -> str:
    """Print BibTeX for exactly the bounds and methods used.

    Args:
        used: ids of bounds (``mahdavi2024-shared``), names of methods (``theorem``, ``margin``, ``examples``,
            ``interpolation``, ``audit``, ``bits``), keys of sources, or results, which say what they rest on.

    Returns:
        One BibTeX entry a source, each once, in the order of use.

    Raises:
        InputError: nothing of that name.

    Example:
        >>> print(citation("cover1965").splitlines()[0])
        @article{cover1965,
        >>> citation("theorem").count("@"), citation("dana2025", "theorem").count("@")
        (1, 1)
    """
    keys = dict.fromkeys(key for item in used for name in _names(item) for key in _keys(name))
    return "\n\n".join(SOURCES[key].bibtex() for key in keys)


def _names(item: Any) -> Iterator[str]:
    if isinstance(item, str):
        yield item
    elif isinstance(item, Result):
        yield from item.cites
    else:
        raise InputError(f"citation: expected a name or a result, got {type(item).__name__}")


def _keys(name: str) -> tuple[str, ...]:
    if name in CATALOGUE:
        return CATALOGUE[name].sources
    if name in METHODS:
        return METHODS[name]
    if name in SOURCES:
        return (name,)
    raise InputError(f"citation: no bound, method or source {name!r}{nearest(name, [*CATALOGUE, *METHODS, *SOURCES])}")
