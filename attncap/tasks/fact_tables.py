"""Tables of facts as associations: (relation, subject) -> object."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np

from attncap.constraints import checked
from attncap.data.tables import Cell, Table, Unreadable, read_table
from attncap.errors import InputError, nearest
from attncap.numerics.memory import require
from attncap.result import several
from attncap.tasks.association import Associations, associations
from attncap.tasks.distribution import Distributions, distributions

Conflicts = Literal["error", "first"]
NO_FACTS = "no facts; expected at least one row with a subject and an object"


class Columns(TypedDict):
    """The columns of a table by their part in a fact; None where the default holds."""

    subject: str | None
    relation: str | None
    object: str | None


class Fact(NamedTuple):
    """One answer and the row it comes from."""

    relation: str
    subject: str
    object: str
    place: int


@checked
def facts(
    source: Any,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    on_conflict: Conflicts = "error",
) -> Associations:
    r"""Make a task of a table: the sequence (relation, subject) is answered by the object.

    A long table names a subject, an object and perhaps a relation a row; a wide table is melted, one relation
    a column. The subject comes last, since the last token of a sequence is the query: many distinct queries
    give the skip connection its full rank. The prior over the answers knows which objects a relation has, not whose
    they are (`attncap.tasks.prior`), so that a constant relation holds 0 bits.

    Args:
        source: a table's file (see `attncap.data.tables.read_table`), a `Table`, a pandas or polars frame, a list of
            dicts or a dict of columns.
        subject: its column; by default the one called "subject", otherwise the first.
        relation: its column; by default the one called "relation", if any.
        object: its column; by default the one called "object"; without one the table is wide.
        on_conflict: what to do when one question has two answers: "error" refuses and names the rows,
            "first" keeps the first.

    Returns:
        The task; its notes count missing cells, duplicates and conflicts.

    Raises:
        InputError: names the file, the row or the option, what was expected and what was got.

    Example:
        >>> table = Table("atlas", ["country", "capital"], [["France", "Paris"], ["Peru", "Lima"]], [2, 3])
        >>> facts(table).words(0)
        (('capital', 'France'), 'Paris')
    """
    table = _table(source)
    cells, said = melt(table, subject, relation, object)
    kept, notes = _settle(table.name, cells, on_conflict)
    if not kept:
        raise InputError(f"{table.name}: {NO_FACTS}")
    words = dict.fromkeys(word for part in zip(*(fact[:3] for fact in kept), strict=True) for word in part)
    number = {word: index for index, word in enumerate(words)}
    return associations(
        np.array([[number[fact.relation], number[fact.subject]] for fact in kept]),
        np.array([number[fact.object] for fact in kept]),
        list(words),
        name=table.name,
        kind="facts",
        notes=[*said, *notes],
    )


def _table(source: Any) -> Table:
    if isinstance(source, Table):
        return source
    return read_table(source) if isinstance(source, str | Path) else Table.of(source)


def _column(table: Table, given: str | None, option: str) -> int | None:
    if given is not None:
        if given not in table.columns:
            known = ", ".join(table.columns)
            raise InputError(
                f"{table.name}: no column {given!r} ({option}); it has {known}{nearest(given, table.columns)}"
            )
        return table.columns.index(given)
    lowered = [column.lower() for column in table.columns]
    return lowered.index(option) if option in lowered else None


def melt(table: Table, subject: str | None, relation: str | None, object: str | None) -> tuple[list[Fact], list[str]]:
    """Return the facts of a long or wide table, and what was left out on the way."""
    subject_at, relation_at, object_at = (
        _column(table, given, option)
        for given, option in ((subject, "subject"), (relation, "relation"), (object, "object"))
    )
    if len(table.columns) < 2:
        raise InputError(
            f"{table.name}: has one column, {table.columns[0]!r}; expected a subject and at least one more"
        )
    if relation is not None and object_at is None:
        raise InputError(
            f"{table.name}: relation needs object, the column of the answers; it has {', '.join(table.columns)}"
        )
    if subject_at is None:
        subject_at = next((i for i in range(len(table.columns)) if i not in (relation_at, object_at)), None)
    if subject_at is None:
        raise InputError(f"{table.name}: no column is left for the subject; it has {', '.join(table.columns)}")
    named = [at for at in (subject_at, relation_at, object_at) if at is not None]
    if len(set(named)) < len(named):
        raise InputError(f"{table.name}: one column cannot be two of subject, relation and object")
    found = list(
        _long(table, subject_at, relation_at, object_at) if object_at is not None else _wide(table, subject_at)
    )
    for *cells, place in found:
        if wrong := next((cell for cell in cells if isinstance(cell, Unreadable)), None):
            column = _holding(table, wrong)
            raise InputError(
                f"{table.name}, row {place}: column {column!r} holds {wrong}; expected text, a number or a list, or "
                "other columns named as subject, relation and object"
            )
    complete = [Fact(r, s, o, place) for r, s, o, place in found if r and s and o]
    notes = list(table.notes)
    if missing := len(found) - len(complete):
        notes.append(f"{several(missing, 'missing cell')} skipped")
    if object_at is not None and (others := [name for at, name in enumerate(table.columns) if at not in named]):
        shown = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
        notes.append(f"{several(len(others), 'column')} ignored: {shown}")
    return complete, notes


def _holding(table: Table, cell: Cell) -> str:
    """Name the column that holds this very cell."""
    return next(table.columns[at] for row in table.rows for at, other in enumerate(row) if other is cell)


Cells = Iterator[tuple[Cell, Cell, Cell, int]]


def _long(table: Table, subject: int, relation: int | None, object: int) -> Cells:
    for row, place in zip(table.rows, table.places, strict=True):
        yield table.columns[object] if relation is None else row[relation], row[subject], row[object], place


def _wide(table: Table, subject: int) -> Cells:
    for at, column in enumerate(table.columns):
        if at != subject:
            yield from (
                (column, row[subject], row[at], place) for row, place in zip(table.rows, table.places, strict=True)
            )


def _settle(name: str, cells: list[Fact], on_conflict: Conflicts) -> tuple[list[Fact], list[str]]:
    """Drop what repeats an earlier fact; refuse or drop what contradicts one."""
    kept: dict[tuple[str, str], Fact] = {}
    repeated, conflicts = 0, []
    for fact in cells:
        earlier = kept.setdefault((fact.relation, fact.subject), fact)
        if earlier is fact:
            continue
        if earlier.object == fact.object:
            repeated += 1
        else:
            conflicts.append((earlier, fact))
    if conflicts and on_conflict == "error":
        one, other = conflicts[0]
        more = f" (and {len(conflicts) - 1} more)" if len(conflicts) > 1 else ""
        raise InputError(
            f"{name}: rows {one.place} and {other.place} answer ({one.subject}, {one.relation}) with {one.object!r} "
            f"and {other.object!r}{more}; "
            "keep the first (on_conflict first), memorize all (memorize's on_conflict distribution) or correct the rows"
        )
    notes = []
    if repeated:
        notes.append(f"{several(repeated, 'duplicate')} dropped")
    if conflicts:
        notes.append(f"{several(len(conflicts), 'conflicting answer')} dropped, the first of each kept")
    return list(kept.values()), notes


@checked
def fact_distributions(
    source: Any,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
) -> Distributions:
    """Make a task of a table whose questions may have several answers, each as likely as its rows are many.

    Args:
        source: a table (see `attncap.tasks.facts`).
        subject: its column.
        relation: its column.
        object: its column.

    Returns:
        The task: (relation, subject) sequences of equal weight.

    Raises:
        InputError: names the file, the row or the option, what was expected and what was got.

    Example:
        >>> table = Table("atlas", ["country", "tongue"], [["Peru", "Spanish"], ["Peru", "Quechua"]], [2, 3])
        >>> task = fact_distributions(table)
        >>> task.notes[0], task.tied.tolist()
        ('1 of 1 sequence has several answers, weighed by their rows', [True])
    """
    table = _table(source)
    cells, notes = melt(table, subject, relation, object)
    if not cells:
        raise InputError(f"{table.name}: {NO_FACTS}")
    words = dict.fromkeys(word for part in zip(*(fact[:3] for fact in cells), strict=True) for word in part)
    number = {word: index for index, word in enumerate(words)}
    counts = Counter((number[f.relation], number[f.subject], number[f.object]) for f in cells)
    triples = np.array(list(counts))
    sequences, row = np.unique(triples[:, :2], axis=0, return_inverse=True)
    require(8.0 * len(sequences) * len(words) * 4, f"{table.name}: {len(sequences):,} x {len(words):,} probabilities")
    pi = np.zeros((len(sequences), len(words)))
    pi[row, triples[:, 2]] = list(counts.values())
    ambiguous = int(((pi > 0).sum(axis=1) > 1).sum())
    if ambiguous:
        verb = "has" if ambiguous == 1 else "have"
        notes.append(f"{ambiguous:,} of {several(len(pi), 'sequence')} {verb} several answers, weighed by their rows")
    pi /= pi.sum(axis=1, keepdims=True)
    return distributions(pi, None, sequences, list(words), name=table.name, kind="facts", notes=notes)
