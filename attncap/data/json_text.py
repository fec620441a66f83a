"""JSON that anyone may have written."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from attncap.errors import InputError

Pairs = Sequence[tuple[str, Any]]


def parse_json(where: str, text: str | bytes, record: Callable[[Pairs], Any] | None = None) -> Any:
    """Read JSON, in one line of words where it is none.

    Args:
        where: what holds it, the beginning of an error.
        text: in UTF-8 where it is bytes.
        record: makes an object of its keys and values; a dictionary by default.

    Raises:
        InputError: it is no JSON, nested too deeply, or holds a number of too many digits.

    Example:
        >>> parse_json("here", "[1, 2]")
        [1, 2]
        >>> parse_json("here", "[" * 100_000)
        Traceback (most recent call last):
        attncap.errors.InputError: here: not JSON (maximum recursion depth exceeded while decoding a JSON array ...)
    """
    try:
        return json.loads(text, object_pairs_hook=record)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error})") from None
