"""Plain text as associations: the token that follows each context of S tokens."""

from collections import Counter
from pathlib import Path

import numpy as np
import regex

from attncap.constraints import Count, checked
from attncap.data.readers import check_file
from attncap.data.spelling import spelling
from attncap.data.texts import CORPORA
from attncap.errors import InputError
from attncap.numerics.memory import require
from attncap.result import several
from attncap.tasks.association import Associations, associations
from attncap.tasks.distribution import Distributions, distributions

# Combining marks and joiners belong to the word that they stand in.
TOKEN = regex.compile(r"[\w\p{M}\u200c\u200d]+(?:['’][\w\p{M}\u200c\u200d]+)*|[^\w\s\p{M}]")


@checked
def next_tokens(path: str | Path, context: Count = 2) -> Associations:
    r"""Read a text and associate every run of $S$ tokens with its most frequent continuation.

    Tokens are words and punctuation marks, case kept. The prior over the answers is uniform over the vocabulary: how
    often a token occurs in this text is learned from it, so it counts as memorized.

    Args:
        path: a UTF-8 text file, or a named text (see `attncap.tasks.CORPORA`).
        context: S, in tokens.

    Returns:
        The task; its notes count the contexts that had several continuations.

    Raises:
        InputError: no such file, not UTF-8, or fewer than S + 1 tokens.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "song.txt"
        >>> _ = path.write_text("row row row your boat")
        >>> task = next_tokens(path, context=1)
        >>> dict(map(task.words, range(task.associations)))
        {('row',): 'row', ('your',): 'boat'}
    """
    vocabulary, numbers = numbered(path, context)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, context + 1)
    counts = Counter(map(tuple, windows.tolist()))
    best: dict[tuple[int, ...], tuple[int, int]] = {}
    ambiguous = set()
    for window, times in counts.items():
        sequence, answer = window[:-1], window[-1]
        if sequence in best:
            ambiguous.add(sequence)
        if times > best.get(sequence, (0, 0))[0]:
            best[sequence] = (times, answer)
    answers = np.array([answer for _, answer in best.values()])
    return associations(
        np.array(list(best)),
        answers,
        vocabulary.tolist(),
        name=str(path),
        kind="text",
        notes=[f"{several(len(ambiguous), 'context')} had several continuations; the most frequent one was kept"]
        if ambiguous
        else [],
    )


def numbered(path: str | Path, context: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct tokens of a text, sorted, and the text in token numbers.

    Raises:
        InputError: no such file, not UTF-8, or fewer than S + 1 tokens.
    """
    if context < 1:
        raise InputError("context", "at least 1", context)
    tokens = TOKEN.findall(spelling(_read(path)))
    if len(tokens) <= context:
        raise InputError(f"{path}: {several(len(tokens), 'token')}; expected more than the context, {context}")
    return np.unique(np.array(tokens, dtype=object), return_inverse=True)


def _read(path: str | Path) -> str:
    if str(path) in CORPORA:
        return CORPORA[str(path)]()
    path = Path(path)
    try:
        check_file(path)
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; expected a UTF-8 text") from None


OTHER = "<other>"


@checked
def text_distributions(path: str | Path, context: Count = 2, vocabulary: Count | None = None) -> Distributions:
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
            raise InputError("vocabulary", "at least 2", vocabulary)
        frequency = np.bincount(numbers)
        kept = np.sort(np.argsort(-frequency, kind="stable")[: vocabulary - 1])
        share = 1 - frequency[kept].sum() / len(numbers)
        renumbered = np.full(len(words), len(kept))
        renumbered[kept] = np.arange(len(kept))
        notes.append(f"{several(len(words) - len(kept), 'rare token')} ({share:.1%} of the text) became {OTHER}")
        words, numbers = np.append(words[kept], OTHER), renumbered[numbers]
    windows = np.lib.stride_tricks.sliding_window_view(numbers, context + 1)
    sequences, row = np.unique(windows[:, :-1], axis=0, return_inverse=True)
    require(8.0 * len(sequences) * len(words) * 4, f"{path}: {len(sequences):,} x {len(words):,} probabilities")
    counts = np.zeros((len(sequences), len(words)))
    np.add.at(counts, (row, windows[:, -1]), 1.0)
    total = counts.sum(axis=1)
    pi = counts / total[:, None]
    return distributions(pi, total, sequences, words.tolist(), name=str(path), kind="text", notes=notes)
