"""Real texts that install from PyPI (the ``[data]`` extra) and need no network afterwards."""

import bz2
import json
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from attncap.data.packages import installed
from attncap.errors import UnmetError


def _kjv() -> str:
    """Return the King James Bible, one verse a line: 31,103 verses, about 790,000 words."""
    file = installed("bible", "data/kjv.jsonl", "'attncap[data]'")
    return "\n".join(json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines())


def _wikipedia() -> str:
    """Return 106 articles of the English Wikipedia without their markup, about a million words (CC BY-SA)."""
    package = find_spec("gensim")
    folder = Path(package.origin or "").parent / "test" / "test_data" if package else Path()
    files = sorted(folder.glob("enwiki-latest-pages-articles1*.bz2"))
    if package is None or not files:
        raise UnmetError("wikipedia: needs the package gensim; pip install 'attncap[text]'")
    from gensim.corpora.wikicorpus import extract_pages, filter_wiki

    with bz2.open(files[0]) as pages:
        texts = [filter_wiki(markup) for _, markup, _ in extract_pages(pages)]
    # What it leaves: pages that only point elsewhere, and the quotes of bold and italics.
    return "\n".join(re.sub("''+", "", text) for text in texts if not text.startswith("#REDIRECT"))


CORPORA: dict[str, Callable[[], str]] = {"kjv": _kjv, "wikipedia": _wikipedia}
