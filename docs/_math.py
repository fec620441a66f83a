"""Turn the LaTeX of the pages into MathML, and bundle a font for it: formulas are drawn without a network."""

import html
import re
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from fontTools import subset
from latex2mathml.converter import convert

MATH = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL)
LONG = 40
FONT = "stix-two-math.woff"
# A browser sets single letters in the italic ones of mathematics.
ITALIC = {0x210E, *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)}


def on_page_content(content: str, **_: Any) -> str:
    """Replace every formula of a page."""
    return MATH.sub(drawn, content)


def drawn(found: re.Match[str]) -> str:
    """Return a formula as MathML; a long one in a line may be wider than a telephone, and scrolls."""
    latex = html.unescape(found["latex"])
    if found["tag"] == "div":
        return convert(latex, display="block")
    formula = convert(latex, display="inline")
    return f'<span class="formula">{formula}</span>' if len(latex) > LONG else formula


def on_post_build(config: Any, **_: Any) -> None:
    """Write the letters and signs of all formulas as a font (STIX Two Math, SIL Open Font License)."""
    site = Path(config["site_dir"])
    formulas = (found for page in site.rglob("*.html") for found in re.findall(r"<math.*?</math>", page.read_text()))
    used = {ord(each) for formula in formulas for each in html.unescape(re.sub(r"<[^>]+>", "", formula))}
    options = subset.Options(flavor="woff", name_IDs="*", notdef_outline=True, layout_features="*")
    with as_file(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf") as source:
        font = subset.load_font(str(source), options)
    chosen = subset.Subsetter(options)
    chosen.populate(unicodes=used | ITALIC)
    chosen.subset(font)
    subset.save_font(font, str(site / "assets" / FONT), options)
