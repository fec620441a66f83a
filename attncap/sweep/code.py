"""The code that decides a cell's number: what its command's module imports, as far as it can change a number."""

import ast
import hashlib
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

# A name in a table of what is imported when it is needed.
REFERENCE = re.compile(r"\w+(\.\w+)+:\w+")


@lru_cache
def code(module: str) -> str:
    """Hash the syntax trees of a module and of what it imports of attncap and of its own package, at whatever depth.

    Imports inside functions count, and so do references ``"attncap.module:name"``, for what is imported by name.
    Comments, docstrings, lines that import, and where a file is, do not change the hash. Nothing is imported to find
    out.

    Args:
        module: its name; its package has been imported.

    Example:
        >>> code("attncap.commands.bounds") != code("attncap.commands.encode")
        True
    """
    shapes = sorted({outline(path) for path in reached(module).values()})
    return hashlib.sha256(" ".join(shapes).encode()).hexdigest()[:16]


def reached(module: str) -> dict[str, Path]:
    """Return the files of a module and of what it imports, by their modules' names.

    Example:
        >>> sorted(reached("attncap.progress"))
        ['attncap', 'attncap.progress']
    """
    packages = {"attncap", module.partition(".")[0]}
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name.partition(".")[0] not in packages or not (path := place(name)):
            continue
        found[name] = path
        # Importing a module runs the packages that it lies in.
        waiting += [name.rpartition(".")[0], *imports(path, name)]
    return found


def place(module: str) -> Path | None:
    """Return a module's file; None if there is none, or none in Python."""
    root, *rest = module.split(".")
    top = sys.modules.get(root)
    if not rest:
        file = getattr(top, "__file__", None)
        return Path(file) if file and file.endswith(".py") else None
    for directory in getattr(top, "__path__", ()):
        path = Path(directory, *rest)
        for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if file.is_file():
                return file
    return None


def imports(path: Path, module: str) -> Iterator[str]:
    """Yield what a file may import: also names of which only some are modules."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and REFERENCE.fullmatch(node.value):
            yield node.value.partition(":")[0]


@lru_cache
def outline(path: Path) -> str:
    """Hash what a file computes: its syntax tree without texts that stand alone, imports and places."""
    return hashlib.sha256(_outline(_tree(path)).encode()).hexdigest()


def _outline(node: object) -> str:
    if isinstance(node, list):
        return "[" + ",".join(_outline(item) for item in node if not _silent(item)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    # Fields that are empty are left out: later versions of Python add some.
    fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
    return f"{type(node).__name__}({','.join(f'{name}={_outline(value)}' for name, value in fields)})"


def _silent(node: object) -> bool:
    """Say whether a statement cannot change a number: an import, or a docstring."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return text or isinstance(node, ast.Import | ast.ImportFrom)


class _NoTypes(ast.NodeTransformer):
    """Leaves out what only a type checker reads."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        name = node.test.attr if isinstance(node.test, ast.Attribute) else getattr(node.test, "id", "")
        return node.orelse if name == "TYPE_CHECKING" else self.generic_visit(node)


@lru_cache
def _tree(path: Path) -> ast.Module:
    tree: ast.Module = _NoTypes().visit(ast.parse(path.read_bytes()))
    return tree
