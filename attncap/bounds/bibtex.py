"""BibTeX for exactly what was used."""

from collections.abc import Iterator
from typing import Any

from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.sources import SOURCES
from attncap.constraints import checked
from attncap.errors import InputError, nearest
from attncap.methods import cited
from attncap.result import Result

# What the package's analyses rest on; ways of finding weights are in `attncap.methods`.
ANALYSES: dict[str, tuple[str, ...]] = {
    "audit": ("mahdavi2024",),
    "interpolation": ("liao2025",),
    "bits": ("morris2025",),
}


@checked
def citation(*used: Any) -> str:
    """Print BibTeX for exactly the bounds and methods used.

    Args:
        used: ids of bounds (``mahdavi2024-shared``), names of methods (``theorem``, ``margin``, ``train``,
            ``examples``) or analyses (``interpolation``, ``audit``, ``bits``), keys of sources, or results,
            which say what they rest on.

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
    bounds = {id: bound.sources for id, bound in CATALOGUE.items()}
    known = {key: (key,) for key in SOURCES} | bounds | ANALYSES | cited()
    if name not in known:
        raise InputError(f"citation: no bound, method or source {name!r}{nearest(name, known)}")
    return known[name]
