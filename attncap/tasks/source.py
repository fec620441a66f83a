"""One word names a task: a real table, a file, or ``random:N,S,T``."""

import re
from pathlib import Path
from typing import Any, Literal

from attncap.constraints import Count, Seed, checked
from attncap.data.arrays import read_arrays
from attncap.data.named_tables import NAMED, named_table
from attncap.data.tables import STDIN, Table, is_table, read_table
from attncap.data.texts import CORPORA
from attncap.errors import InputError, nearest
from attncap.tasks.association import Associations
from attncap.tasks.distribution import Distributions, distributions
from attncap.tasks.fact_tables import Conflicts, fact_distributions, facts
from attncap.tasks.parquet import is_archived, read_task
from attncap.tasks.random import random_associations
from attncap.tasks.text import next_tokens, text_distributions

Kind = Literal["table", "text", "random", "task", "arrays", "unknown"]
CONTEXT = 2


@checked
def load(
    source: Any,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    context: Count | None = None,
    on_conflict: Conflicts = "error",
    seed: Seed = 0,
) -> Associations:
    """Make the task that a source names.

    Args:
        source: a named table (see `NAMED`), the file of a table or ``-`` (see `attncap.data.tables.read_table`), a
            pandas or polars frame, a .txt text, a named text (see `CORPORA`), or ``random:N,S,T``.
        subject: column of a table (see `facts`), as are ``relation``, ``object`` and ``on_conflict``.
        relation: column of a table.
        object: column of a table.
        context: tokens before the next one in a text, 2 by default.
        on_conflict: what to do with contradictions in a table.
        seed: of ``random:N,S,T``.

    Returns:
        The task.

    Raises:
        InputError: no such source, or an option that does not apply to it.
        UnmetError: the package of a named source is not installed.

    Example:
        >>> load("random:10,2,100").associations
        100
    """
    columns = {"subject": subject, "relation": relation, "object": object}
    if not isinstance(source, str | Path):
        return facts(source, on_conflict=on_conflict, **columns)
    text, kind = str(source), kind_of(source)
    _check_options(text, kind, columns, {"context": context})
    match kind:
        case "table" if text in {*NAMED, STDIN} or Path(text).exists():
            return facts(_table(text), on_conflict=on_conflict, **columns)
        case "text":
            return next_tokens(text, CONTEXT if context is None else context)
        case "random":
            return _random(text, seed)
        case "task":
            return read_task(Path(text))
    check_source(text)
    return facts(_table(text))  # says which files are tables


def check_source(source: str | Path) -> None:
    """Refuse a source that is neither a named one nor a file.

    Raises:
        InputError: names the nearest one.
    """
    text = str(source)
    if text in {*NAMED, *CORPORA, STDIN} or text.startswith("random:") or Path(text).exists():
        return
    known = [*NAMED, *CORPORA, "random:N,S,T"]
    raise InputError(f"{text}: no such file or table; expected {', '.join(known)}{nearest(text, known)}")


@checked
def kind_of(source: str | Path) -> Kind:
    """Say what a source is by its name, and of a .parquet file by its columns.

    Args:
        source: a named table or text, a path, or ``random:N,S,T``.

    Returns:
        "table", "text", "random", "task" (what an archive keeps), "arrays" (an .npz), or "unknown".

    Example:
        >>> [kind_of(source) for source in ("kjv", "facts.CSV", "random:10,2,100", "pi.npz", "kvj")]
        ['text', 'table', 'random', 'arrays', 'unknown']
    """
    text, suffix = str(source), Path(source).suffix.lower()
    if text in NAMED:
        return "table"
    if text in CORPORA or suffix == ".txt":
        return "text"
    if text.startswith("random:"):
        return "random"
    if is_archived(Path(text)):
        return "task"
    if is_table(source) or Path(text).is_fifo():
        return "table"
    return "arrays" if suffix == ".npz" else "unknown"


def _check_options(text: str, kind: Kind, of_table: dict[str, str | None], of_text: dict[str, int | None]) -> None:
    """Refuse options that the source would silently ignore."""
    for option, column in of_table.items():
        if column is not None and kind != "table":
            raise InputError(option, "a table that it names a column of", text)
    for option, number in of_text.items():
        if number is not None and kind != "text":
            raise InputError(option, "a text that it applies to", text)


def _table(text: str) -> Table:
    return named_table(text) if text in NAMED else read_table(text)


def _random(text: str, seed: int) -> Associations:
    match = re.fullmatch(r"random:(\d{1,12}),(\d{1,6}),(\d{1,12})", text)
    if match is None:
        raise InputError(f"{text}: expected random:N,S,T, for example random:50,2,1000")
    vocabulary, context, count = map(int, match.groups())
    return random_associations(vocabulary, context, count, seed)


@checked
def load_distributions(
    source: str | Path,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    context: Count | None = None,
    vocabulary: Count | None = None,
) -> Distributions:
    """Make the task that a source names.

    Args:
        source: an .npz with ``pi`` (T, N) and optionally ``weight`` (T,) and ``sequences`` (T, S); a .txt or a named
            text (see `attncap.tasks.CORPORA`); a table or a named table.
        subject: column of a table (see `attncap.tasks.facts`), as are ``relation`` and ``object``.
        relation: column of a table.
        object: column of a table.
        context: tokens before the next one in a text, 2 by default.
        vocabulary: keep this many tokens of a text, all by default (see `text_distributions`).

    Returns:
        The task.

    Raises:
        InputError: no such source, or an option that does not apply to it.
        UnmetError: the package of a named source is not installed.
    """
    text, kind = str(source), kind_of(source)
    columns = {"subject": subject, "relation": relation, "object": object}
    _check_options(text, kind, columns, {"context": context, "vocabulary": vocabulary})
    match kind:
        case "table":
            return fact_distributions(_table(text), **columns)
        case "text":
            return text_distributions(text, CONTEXT if context is None else context, vocabulary)
        case "arrays":
            return _arrays(Path(text))
    known = [*CORPORA, *NAMED]
    raise InputError(f"{text}: expected an .npz with pi, a .txt, a table, or {', '.join(known)}{nearest(text, known)}")


def _arrays(path: Path) -> Distributions:
    arrays: dict[str, Any] = read_arrays(path)
    if "pi" not in arrays or set(arrays) - {"pi", "weight", "sequences"}:
        raise InputError(f"{path}: expected pi and optionally weight and sequences, got {', '.join(arrays)}")
    return distributions(**arrays, name=str(path))
