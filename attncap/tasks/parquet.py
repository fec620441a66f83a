"""A task as a parquet file: its sequences and answers in words."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from attncap.data.readers import sound
from attncap.errors import InputError, nearest
from attncap.tasks.association import Associations, associations

if TYPE_CHECKING:
    import polars as pl

COLUMNS = ["sequence", "answer", "bits"]


def write_task(task: Associations, path: Path) -> None:
    """Write the columns sequence (a list of tokens), answer and bits; name and kind go into the metadata."""
    task.frame().write_parquet(path, metadata={"name": task.name, "kind": task.kind})


def is_archived(path: Path) -> bool:
    """Tell a parquet file of `write_task` from a table of facts."""
    import polars as pl

    if path.suffix != ".parquet":
        return False
    try:
        with sound(str(path)):
            schema = pl.read_parquet_schema(path)
    except InputError:
        return False
    return list(schema) == COLUMNS and isinstance(schema["sequence"], pl.List)


def read_task(path: Path, vocabulary: Sequence[str] | None = None) -> Associations:
    """Read what `write_task` wrote.

    Args:
        path: the parquet file.
        vocabulary: the tokens in order; by default those that occur, in order of appearance.

    Returns:
        The task.

    Raises:
        InputError: not such a file, or a word that the vocabulary lacks.
    """
    import polars as pl

    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror})") from None
    if not is_archived(path):
        raise InputError(f"{path}: not a task; expected a parquet file with the columns {', '.join(COLUMNS)}")
    with sound(str(path)):
        frame, metadata = pl.read_parquet(path), pl.read_parquet_metadata(path)
    _check(frame, path)
    sequences, answers = frame["sequence"].to_list(), frame["answer"].to_list()
    if vocabulary is None:
        vocabulary = list(dict.fromkeys(word for row in [*sequences, answers] for word in row))
    number = {word: index for index, word in enumerate(vocabulary)}
    kind = metadata.get("kind", "random")
    try:
        return associations(
            np.array([[number[word] for word in row] for row in sequences]),
            np.array([number[word] for word in answers]),
            vocabulary,
            surprisal=None if kind == "facts" else frame["bits"].to_numpy(),
            name=metadata.get("name", str(path)),
            kind=kind,
        )
    except KeyError as error:
        word = error.args[0]
        raise InputError(f"{path}: token {word!r} is not in the vocabulary{nearest(str(word), vocabulary)}") from None


def _check(frame: "pl.DataFrame", path: Path) -> None:
    """Refuse what no task writes, so that whatever is read can be stored again.

    Raises:
        InputError: names the row, what was expected and what was got.
    """
    import polars as pl

    if not len(frame):
        raise InputError(f"{path}: no associations; expected at least one row")
    wanted = {"sequence": pl.List(pl.String), "answer": pl.String, "bits": pl.Float64}
    for column, kind in wanted.items():
        if frame.schema[column] != kind:
            raise InputError(f"{path}: column {column}: expected {kind}, got {frame.schema[column]}")
    sequences, bits = frame["sequence"], frame["bits"]
    gaps = sequences.is_null() | sequences.list.eval(pl.element().is_null()).list.any()
    lengths = sequences.list.len().fill_null(0)
    faults = {
        "a token in every place": gaps,
        "as many tokens as row 0": lengths != lengths.item(0),
        "an answer": frame["answer"].is_null(),
        "bits of at least 0": ~(bits.is_finite() & (bits >= 0)).fill_null(False),
    }
    for expected, wrong in faults.items():
        if wrong.any():
            row = wrong.arg_true()[0]
            raise InputError(f"{path}: row {row}: expected {expected}, got {frame.row(row)}")
