"""Turn the LaTeX of the pages into MathML, which browsers draw without a network."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

MATH = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Replace every formula of a page."""
    return MATH.sub(
        lambda found: convert(html.unescape(found["latex"]), display="block" if found["tag"] == "div" else "inline"),
        content,
    )
