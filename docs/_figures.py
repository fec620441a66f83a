"""The figures of the pages: examples are run when the pages are built, and `figures/NAME.svg` is what NAME draws.

The gallery shows an example where it says `::: example NAME`: what it draws, its command and its source.
"""

import importlib.util
import re
import textwrap
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import altair as alt
import vl_convert
from mkdocs.structure.files import File, Files

from attncap.plots import theme

EXAMPLES = Path(__file__).parents[1] / "examples"
# Those that draw in seconds.
DRAWN = ("plan_a_table", "check_capacity", "watch_training", "predict_error", "audit_vectors", "forget_facts")
# Of plots that stand below each other, in pixels, and of the lines of their title.
WIDTH, LETTERS = 340, 42
SHOWN = re.compile(r"^::: example (?P<name>\w+)(?: (?P<figure>\S+))?$", re.MULTILINE)


def script(name: str) -> ModuleType:
    """Import an example."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def svg(name: str) -> str:
    """Run an example, and draw its chart for a page that may be as narrow as a telephone."""
    with redirect_stdout(StringIO()):
        chart = script(name).draw()
    drawn = theme.narrow(chart).to_dict()
    if isinstance(chart, alt.HConcatChart):
        drawn["vconcat"] = [part | {"width": WIDTH, "height": WIDTH // 2} for part in drawn.pop("hconcat")]
        drawn["title"]["text"] = textwrap.wrap(" ".join(drawn["title"]["text"]), LETTERS)
    return str(vl_convert.vegalite_to_svg(drawn))


def on_files(files: Files, *, config: Any) -> Files:
    """Add the figures to the pages' files."""
    for name in DRAWN:
        files.append(File.generated(config, f"figures/{name}.svg", content=svg(name)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Show the examples of the gallery."""
    return SHOWN.sub(lambda found: shown(**found.groupdict()), markdown)


def shown(name: str, figure: str | None) -> str:
    """Return an example's part of the gallery; a figure that takes long stands beside the pages."""
    source = (EXAMPLES / f"{name}.py").read_text()
    says, command = re.fullmatch(r'"""(.+?): `+(.+?)`+\.""".*', source, re.DOTALL).groups()  # type: ignore[union-attr]
    path = figure or f"figures/{name}.svg" * (name in DRAWN)
    image = f"![{says}.]({path})\n\n" if path else ""
    return f"{says}:\n\n```console\n$ {command}\n```\n\n{image}```python\n{source}```"
