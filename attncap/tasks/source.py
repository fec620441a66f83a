"""One word names a task: a real table, a file, or ``random:N,S,T``."""

import re
import zipfile
from pathlib import Path

import numpy as np

from attncap.data.named_tables import NAMED, named_table
from attncap.data.tables import is_table as named_as_table
from attncap.data.tables import read_table
from attncap.data.texts import CORPORA
from attncap.errors import InputError, nearest
from attncap.tasks.association import Associations
from attncap.tasks.distribution import Distributions, distributions
from attncap.tasks.fact_tables import Conflicts, fact_distributions, facts
from attncap.tasks.parquet import is_archived, read_task
from attncap.tasks.random import random_associations
from attncap.tasks.text import next_tokens, text_distributions


def load(
    source: str | Path,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    context: int | None = None,
    on_conflict: Conflicts = "error",
    seed: int = 0,
) -> Associations:
    """Make the task that a source names.

    Args:
        source: a named table (see `NAMED`), a .csv, .tsv, .jsonl or .parquet table, a .txt text, a
            named text (see `CORPORA`), or ``random:N,S,T``.
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

    Example:
        >>> load("random:10,2,100").associations
        100
    """
    text = str(source)
    is_text = text in CORPORA or text.lower().endswith(".txt")
    is_table = text in NAMED or named_as_table(text)
    given = {"subject": subject, "relation": relation, "object": object}
    for option, value in given.items():
        if value is not None and not is_table:
            raise InputError(f"{text}: --{option} names a column of a table; this is not a table")
    if context is not None and not is_text:
        raise InputError(f"{text}: --context applies to a .txt only; the sequences of {text} have their own length")
    if text in NAMED:
        return facts(named_table(text), on_conflict=on_conflict, **given)
    if text.startswith("random:"):
        return _random(text, seed)
    if is_text:
        return next_tokens(text, 2 if context is None else context)
    path = Path(text)
    if not path.exists():
        known = [*NAMED, *CORPORA, "random:N,S,T"]
        raise InputError(f"{text}: no such file or table; expected {', '.join(known)}{nearest(text, known)}")
    if is_archived(path):
        return read_task(path)
    return facts(path, on_conflict=on_conflict, **given)


def _random(text: str, seed: int) -> Associations:
    match = re.fullmatch(r"random:(\d{1,12}),(\d{1,6}),(\d{1,12})", text)
    if match is None:
        raise InputError(f"{text}: expected random:N,S,T, for example random:50,2,1000")
    vocabulary, context, count = map(int, match.groups())
    return random_associations(vocabulary, context, count, seed)


def load_distributions(
    source: str | Path,
    *,
    subject: str | None = None,
    relation: str | None = None,
    object: str | None = None,
    context: int | None = None,
    vocabulary: int | None = None,
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
    """
    text, suffix = str(source), Path(source).suffix.lower()
    is_text, is_table = suffix == ".txt" or text in CORPORA, named_as_table(text) or text in NAMED
    for option, value in (("context", context), ("vocabulary", vocabulary)):
        if value is not None and not is_text:
            raise InputError(f"{text}: --{option} applies to a text only; this is not a text")
    for option, column in (("subject", subject), ("relation", relation), ("object", object)):
        if column is not None and not is_table:
            raise InputError(f"{text}: --{option} names a column of a table; this is not a table")
    if is_text:
        return text_distributions(source, 2 if context is None else context, vocabulary)
    if is_table:
        table = named_table(text) if text in NAMED else read_table(source)
        return fact_distributions(table, subject=subject, relation=relation, object=object)
    if suffix == ".npz":
        return _arrays(Path(source))
    known = [*CORPORA, *NAMED]
    raise InputError(f"{text}: expected an .npz with pi, a .txt, a table, or {', '.join(known)}{nearest(text, known)}")


def _arrays(path: Path) -> Distributions:
    try:
        with np.load(path, allow_pickle=False) as file:
            unknown = set(file.files) - {"pi", "weight", "sequences"}
            if "pi" not in file.files or unknown:
                raise InputError(
                    f"{path}: expected pi and optionally weight and sequences, got {', '.join(file.files)}"
                )
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror or error})") from None
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not an .npz of plain arrays ({error})") from None
    return distributions(**arrays, name=str(path))
