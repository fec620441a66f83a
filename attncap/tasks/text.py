"""Plain text as associations: the token that follows each context of S tokens."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from attncap.errors import InputError
from attncap.tasks.associations import Associations, associations
from attncap.tasks.corpora import CORPORA

TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def next_tokens(path: str | Path, context: int = 2) -> Associations:
    r"""Read a text and associate every run of $S$ tokens with its most frequent continuation.

    Tokens are words and punctuation marks, case kept. The prior $q$ is the unigram distribution of the text.

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
    several = set()
    for window, times in counts.items():
        sequence, answer = window[:-1], window[-1]
        if sequence in best:
            several.add(sequence)
        if times > best.get(sequence, (0, 0))[0]:
            best[sequence] = (times, answer)
    answers = np.array([answer for _, answer in best.values()])
    frequency = np.bincount(numbers) / len(numbers)
    return associations(
        np.array(list(best)),
        answers,
        vocabulary.tolist(),
        surprisal=-np.log2(frequency[answers]),
        name=str(path),
        kind="text",
        notes=[f"{len(several):,} contexts had several continuations; the most frequent one was kept"]
        if several
        else [],
    )


def numbered(path: str | Path, context: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct tokens of a text, sorted, and the text in token numbers.

    Raises:
        InputError: no such file, not UTF-8, or fewer than S + 1 tokens.
    """
    if context < 1:
        raise InputError(f"{path}: --context must be at least 1, got {context}")
    tokens = TOKEN.findall(_read(path))
    if len(tokens) <= context:
        raise InputError(f"{path}: {len(tokens)} tokens; expected more than --context {context}")
    return np.unique(np.array(tokens, dtype=object), return_inverse=True)


def _read(path: str | Path) -> str:
    if str(path) in CORPORA:
        return CORPORA[str(path)]()
    path = Path(path)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; expected a UTF-8 text") from None
