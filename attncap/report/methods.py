"""What every page says last: how its numbers were found, what that proves, whom to cite, versions and hashes."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attncap import bounds, sums
from attncap.archive import Archive
from attncap.errors import InputError
from attncap.methods import METHODS, Method
from attncap.report.parts import Code, Column, Part, Section, Table, Words

WORTH = {
    "exact": "proved",
    "conjectured": "conjectured from measurements, not proved",
    "order": "proved up to its constants",
    "empirical": "a measured law, not proved",
}
# What the numbers of a page rest on.
PACKAGES = ("attncap", "numpy", "scipy", "jax")


def section(used: Iterable[str], facts: Mapping[str, Any], note: str = "") -> Section:
    """Return the section, of methods, analyses or papers and of what is known of the run."""
    names = list(dict.fromkeys(used))
    said = [*(line for name in names for line in _method(name)), *([note] if note else [])]
    rows = {name: value for name, value in facts.items() if value not in (None, "")}
    rows |= {"versions": ", ".join(f"{package} {version(package)}" for package in PACKAGES)}
    table = Table(
        "Where the numbers come from",
        (Column("what", list(rows)), Column("value", [str(value) for value in rows.values()])),
        name="provenance",
    )
    cites = _citations(names)
    shown: list[Part] = [Words(tuple(said))] if said else []
    return Section("Methods and sources", [*shown, table, *([Code("BibTeX", cites)] if cites else [])])


def memory(memory: Archive) -> dict[str, Any]:
    """Return what is known of how a memory came about."""
    result = memory.result
    return {
        "method": result.get("method"),
        "seed": result.get("seed"),
        "score scale": getattr(memory.model, "score_scale", None),
        "written by": f"attncap {result['version']}" if "version" in result else "attncap",
        "files": hashes(memory.path),
    }


def hashes(directory: Path) -> str:
    """Say whether the files of a directory were compared with their hashes."""
    listed = sums.listing(directory) if directory.is_dir() else None
    if listed is None:
        return f"no {sums.NAME}: not checked"
    return f"checked: {len(listed)} files are as {sums.NAME} lists them" if sums.check(directory) else "not checked"


def _method(name: str) -> list[str]:
    """Say where the shape of a method comes from, and what that is worth."""
    found: list[Method] = [method for (_, own), method in METHODS.items() if own == name][:1]
    said = []
    for method in found:
        if method.bound is None:
            said.append(f"{method.label}: no bound says which shape holds a task; what it reached was measured.")
        else:
            bound = bounds.CATALOGUE[method.bound]
            said.append(
                f"{method.label}: the shape follows from the bound {bound.id!r}, which is {WORTH[bound.exactness]}."
            )
    return said


def _citations(names: Iterable[str]) -> str:
    entries: dict[str, None] = {}
    for name in names:
        with suppress(InputError):
            entries |= dict.fromkeys(bounds.citation(name).split("\n\n"))
    return "\n\n".join(entries)
