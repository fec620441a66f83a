"""The two ways a request can fail, and the exit status of each."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """The input is wrong: one line that names it, what was expected and what was got (exit 2)."""

    exit_code = 2


class UnmetError(RuntimeError):
    """The input is right but the request cannot be met: one line that says why, with the numbers (exit 1)."""

    exit_code = 1


def nearest(word: str, known: Iterable[str]) -> str:
    """Name the known word closest to a mistyped one, as the end of an error message.

    Args:
        word: what was given.
        known: what would have been accepted.

    Returns:
        ``"; did you mean 'France'?"``, or nothing if no known word is close.

    Example:
        >>> nearest("Frnace", ["France", "Peru"])
        "; did you mean 'France'?"
    """
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
