"""The two ways a request can fail, and the exit status of each."""

from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Number
from os import PathLike

LONGEST = 80  # characters of what was got


class InputError(ValueError):
    """The input is wrong: one line that names it, what was expected and what was got (exit 2).

    Args:
        option: the option that is wrong; or, alone, the whole message.
        expected: what it may be.
        got: what it is.
        hint: the end of the line, such as that of `nearest`.

    Example:
        >>> str(InputError("heads", "at least 1", 0))
        'heads: expected at least 1, got 0'
        >>> InputError("heads", "at least 1", 0).naming("--heads")
        '--heads: expected at least 1, got 0'
        >>> str(InputError("facts.csv: no such file"))
        'facts.csv: no such file'
    """

    exit_code = 2

    def __init__(self, option: str, expected: str = "", got: object = "", hint: str = "") -> None:
        # All of them, so that a worker's error survives pickling.
        super().__init__(option, expected, got, hint)
        self.option = option if expected else None

    def naming(self, option: str) -> str:
        """Return the line with another name for the option, such as a terminal's."""
        _, expected, got, hint = self.args
        return f"{option}: expected {expected}, got {_told(got)}{hint}"

    def __str__(self) -> str:
        return self.args[0] if self.option is None else self.naming(self.option)


def _told(got: object) -> str:
    """Return what was got in one line that a person reads."""
    if isinstance(got, int) and got.bit_length() > 256:
        return "a larger number"
    line = " ".join((str if isinstance(got, Number | PathLike) else repr)(got).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


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


__all__ = ["InputError", "UnmetError", "nearest"]


def __dir__() -> list[str]:
    """Return what completion offers: nothing that is imported here."""
    return __all__
