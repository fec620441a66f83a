"""The pages of the API: one a part of attncap with every name of its face, and a build that leaves one out fails."""

import ast
import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

PACKAGE = Path(__file__).parents[1] / "attncap"
HERE = "::: parts"
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
    return {
        f"attncap.{path.stem}": names
        for path in sorted(package.iterdir())
        if path.stem not in PROGRAMS | {"__init__", "__main__"} and (file := _file(path))
        if path.stem in offered or "__all__" in file.read_text()
        if (names := face(file.read_text()))
    }


def missing(pages: str, wanted: Mapping[str, list[str]]) -> list[str]:
    """Return the public names that have no heading on rendered pages."""
    shown = set(map(html.unescape, re.findall(r'<h\d id="([^"]+)"', pages)))
    return [f"{part}.{name}" for part, names in wanted.items() for name in names if f"{part}.{name}" not in shown]


def on_config(config: Any) -> None:
    """Put a page a part into the navigation, below the page of all."""
    place = next(entry for entry in config.nav if "API" in entry)
    place["API"] += [{part.removeprefix("attncap."): address(part)} for part in faces()]


def on_files(files: Files, *, config: Any) -> None:
    """Add the pages of the parts."""
    parts = list(faces().items())
    for (part, names), (after, _) in zip(parts, [*parts[1:], (None, [])], strict=True):
        following = f"[{after}]({address(after).removeprefix('api/')})" if after else "[limitations](../limitations.md)"
        text = f"::: {part}\n    options: {{heading_level: 1, members: [{', '.join(names)}]}}\n\nNext: {following}.\n"
        files.append(File.generated(config, address(part), content=text))


def on_page_markdown(markdown: str, **_: Any) -> str:
    """List the parts and their names."""
    rows = [f"| [`{part}`]({address(part)}) | {listed(part, names)} |" for part, names in faces().items()]
    return markdown.replace(HERE, "\n".join(["| part | names |", "|---|---|", *rows]))


def listed(part: str, names: list[str]) -> str:
    """Return links to the names of a part."""
    return ", ".join(f"[`{name}`]({address(part)}#{part}.{name})" for name in names)


def address(part: str) -> str:
    """Return the page of a part."""
    return f"api/{part.removeprefix('attncap.')}.md"


def on_post_build(config: Any, **_: Any) -> None:
    """Fail the build if a public name is on no page."""
    lacking = missing(rendered(Path(config["site_dir"])), faces())
    if lacking:
        raise PluginError(f"the API does not show {', '.join(lacking)}")


def rendered(site: Path) -> str:
    """Return the pages of the API as they were built."""
    return "\n".join(page.read_text() for page in sorted((site / "api").glob("*.html")))


def _file(path: Path) -> Path | None:
    file = path / "__init__.py" if path.is_dir() else path
    return file if file.suffix == ".py" and file.exists() else None
