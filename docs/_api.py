"""The page of the API lists every name of every face, and a build that leaves one out fails."""

import ast
import html
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

PACKAGE = Path(__file__).parents[1] / "attncap"
SECTION = re.compile(r"^::: (?P<name>attncap\.\w+)$", re.MULTILINE)
# The command line is a program: what it offers is its commands.
PROGRAMS = {"cli"}


def face(source: str) -> list[str]:
    """Return the public names of a module: its `__all__`, or what it defines without an underscore."""
    body = ast.parse(source).body
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return [n.name for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("_")]


def faces(package: Path = PACKAGE) -> dict[str, list[str]]:
    """Return the public names of every part that the package offers or that has a face of its own."""
    offered = face((package / "__init__.py").read_text())
    found = {}
    for path in sorted(package.iterdir()):
        file = path / "__init__.py" if path.is_dir() else path
        if path.stem in PROGRAMS | {"__init__", "__main__"} or file.suffix != ".py" or not file.exists():
            continue
        if path.stem in offered or "__all__" in file.read_text():
            found[f"attncap.{path.stem}"] = face(file.read_text())
    return found


def missing(page: str, wanted: dict[str, list[str]]) -> list[str]:
    """Return the public names that have no heading on a rendered page."""
    shown = set(map(html.unescape, re.findall(r'<h\d id="([^"]+)"', page)))
    return [f"{part}.{name}" for part, names in wanted.items() for name in names if f"{part}.{name}" not in shown]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """List the names of a face below each `::: attncap.part`."""
    wanted = faces()

    def members(found: re.Match[str]) -> str:
        return f"{found[0]}\n    options: {{members: [{', '.join(wanted[found['name']])}]}}"

    return SECTION.sub(members, markdown)


def on_post_build(config: Any, **_: Any) -> None:
    """Fail the build if a public name is not on the page."""
    lacking = missing((Path(config["site_dir"]) / "api.html").read_text(), faces())
    if lacking:
        raise PluginError(f"docs/api.md does not show {', '.join(lacking)}")
