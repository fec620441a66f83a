"""Next-token distributions from a file: an .npz of arrays, a text, a table with conflicting answers."""

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from attncap.errors import InputError, nearest
from attncap.memory import require
from attncap.tasks.corpora import CORPORA
from attncap.tasks.distributions import Distributions, distributions
from attncap.tasks.facts import NO_FACTS, melt
from attncap.tasks.named import NAMED, named_table
from attncap.tasks.tables import READERS, Table, read_table
from attncap.tasks.text import numbered

OTHER = "<other>"


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
    is_text, is_table = suffix == ".txt" or text in CORPORA, suffix in READERS or text in NAMED
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


def text_distributions(path: str | Path, context: int = 2, vocabulary: int | None = None) -> Distributions:
    r"""Count what follows every run of $S$ tokens of a text.

    Args:
        path: a UTF-8 text file, or a named text.
        context: S, in tokens.
        vocabulary: N: keep the N - 1 most frequent tokens and call the others ``<other>``; all tokens by default.

    Returns:
        The task; the weight of a sequence is its frequency.

    Raises:
        InputError: no such file, not UTF-8, fewer than S + 1 tokens, or a vocabulary below 2.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "song.txt"
        >>> _ = path.write_text("row row row your boat")
        >>> task = text_distributions(path, context=1)
        >>> task.vocabulary, task.weight.tolist()
        (('boat', 'row', 'your'), [0.75, 0.25])
    """
    words, numbers = numbered(path, context)
    notes = []
    if vocabulary is not None and vocabulary < len(words):
        if vocabulary < 2:
            raise InputError(f"{path}: --vocabulary must be at least 2, got {vocabulary}")
        frequency = np.bincount(numbers)
        kept = np.sort(np.argsort(-frequency, kind="stable")[: vocabulary - 1])
        share = 1 - frequency[kept].sum() / len(numbers)
        renumbered = np.full(len(words), len(kept))
        renumbered[kept] = np.arange(len(kept))
        notes.append(f"{len(words) - len(kept):,} rare tokens ({share:.1%} of the text) became {OTHER}")
        words, numbers = np.append(words[kept], OTHER), renumbered[numbers]
    windows = np.lib.stride_tricks.sliding_window_view(numbers, context + 1)
    sequences, row = np.unique(windows[:, :-1], axis=0, return_inverse=True)
    require(8.0 * len(sequences) * len(words) * 4, f"{path}: {len(sequences):,} x {len(words):,} probabilities")
    counts = np.zeros((len(sequences), len(words)))
    np.add.at(counts, (row, windows[:, -1]), 1.0)
    total = counts.sum(axis=1)
    pi = counts / total[:, None]
    return distributions(pi, total, sequences, words.tolist(), name=str(path), kind="text", notes=notes)


def fact_distributions(
    source: str | Path | Table,
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
        ('1 of 1 sequences has several answers, weighed by their rows', [True])
    """
    table = source if isinstance(source, Table) else read_table(source)
    cells, missing = melt(table, subject, relation, object)
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
    several = int(((pi > 0).sum(axis=1) > 1).sum())
    notes = [f"{missing:,} missing cells skipped"] if missing else []
    if several:
        verb = "has" if several == 1 else "have"
        notes.append(f"{several:,} of {len(pi):,} sequences {verb} several answers, weighed by their rows")
    pi /= pi.sum(axis=1, keepdims=True)
    return distributions(pi, None, sequences, list(words), name=table.name, kind="facts", notes=notes)


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
