"""A task as a parquet file: its sequences and answers in words."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from attncap.errors import InputError, nearest
from attncap.tasks.association import Associations, associations

COLUMNS = ["sequence", "answer", "bits"]


def write_task(task: Associations, path: Path) -> None:
    """Write the columns sequence (a list of tokens), answer and bits; name and kind go into the metadata."""
    import polars as pl

    words = np.array(task.vocabulary, dtype=object)
    columns = (words[task.sequences].tolist(), words[task.answers].tolist(), task.surprisal)
    frame = pl.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
    frame.write_parquet(path, metadata={"name": task.name, "kind": task.kind})


def is_archived(path: Path) -> bool:
    """Tell a parquet file of `write_task` from a table of facts."""
    import polars as pl

    if path.suffix != ".parquet":
        return False
    try:
        schema = pl.read_parquet_schema(path)
    except (pl.exceptions.PolarsError, OSError):
        return False
    return list(schema) == COLUMNS and schema["sequence"] == pl.List(pl.String)


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

    if not is_archived(path):
        raise InputError(f"{path}: not a task; expected a parquet file with the columns {', '.join(COLUMNS)}")
    frame = pl.read_parquet(path)
    metadata = pl.read_parquet_metadata(path)
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
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: sequences of different lengths or missing tokens ({error})") from None
