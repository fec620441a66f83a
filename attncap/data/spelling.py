"""One spelling of every text, whatever keyboard or system it comes from."""

import unicodedata

# Characters that no reader sees: zero-width space, word joiner, byte order mark.
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))


def spelling(text: str) -> str:
    """Return the one spelling of a text: Unicode's composed form (NFC), without invisible characters.

    Example:
        >>> len(spelling("Cafe\u0301")), spelling("Zero\u200bWidth")
        (4, 'ZeroWidth')
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text.translate(INVISIBLE))
