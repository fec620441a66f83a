"""Characters that a terminal would obey, made visible, and those that an encoding lacks, spelt."""

import codecs
import re

# How an encoding that lacks a letter writes it.
SPELT = "attncap.spelt"
# What moves the cursor, colours, breaks the line or turns the direction of writing; lone surrogates.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
SIGNS: dict[str, str | int | None] = {
    "≈": "~",
    "≥": ">=",
    "≤": "<=",
    "×": "x",
    "·": "*",
    "–": "-",
    "—": "-",
    "…": "...",
    "−": "-",
    "∞": "inf",
}


def visible(text: str, *, keep: str = "") -> str:
    r"""Write control characters as escapes, so that a text can neither move the cursor nor feign another line.

    Args:
        text: what a user may have written.
        keep: control characters that stay.

    Example:
        >>> print(visible("Li\x1b[2Jma\n"))
        Li\x1b[2Jma\n
    """
    return CONTROL.sub(lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text)


def _spelt(error: UnicodeError) -> tuple[str | bytes, int]:
    """Spell what an encoding lacks: signs in ASCII, letters as escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end].translate(str.maketrans(SIGNS))
    return signs.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(SPELT, _spelt)
