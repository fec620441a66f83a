"""The rules of the house, as functions of a mapping from file to source."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

Sources = Mapping[str, str]

# Low to high: a file imports from its own floor and those below, also inside functions.
FLOORS = (
    ("errors", "constraints", "characters", "terminal", "result", "sums", "files", "progress", "palette"),
    ("numerics",),
    ("data",),
    ("tasks",),
    ("models",),
    ("measure",),
    ("bounds", "scaling", "methods", "interpolation"),
    ("archive",),
    ("fits",),
    ("construct", "train"),
    ("memory", "audit"),
    ("commands",),
    ("sweep",),
    ("plots",),
    ("papers", "report"),
    ("explore",),
    ("cli", "__main__"),
)
FLOOR = {part: height for height, parts in enumerate(FLOORS) for part in parts}
LONGEST = 400


def module(file: str) -> str:
    """Return the dotted name of a file."""
    path = PurePosixPath(file).with_suffix("")
    return ".".join(path.parts[:-1] if path.name == "__init__" else path.parts)


def _type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in node.orelse if _type_checking(node) else ast.iter_child_nodes(node):
        yield from _walk(child)


def imports(sources: Sources) -> dict[str, set[str]]:
    """Return the modules of the package that each file imports; those under TYPE_CHECKING do not count."""
    modules = {module(file): file for file in sources}
    out: dict[str, set[str]] = {}
    for file, source in sources.items():
        names: set[str] = set()
        for node in _walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                # `from attncap import tasks` imports attncap.tasks; `from attncap.tasks import load` attncap.tasks.
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
        found = {_module(name, modules) for name in names if name.split(".")[0] == "attncap"}
        out[module(file)] = {name for name in found if name} - {module(file)}
    return out


def _module(name: str, modules: Mapping[str, str]) -> str:
    while name not in modules and "." in name:
        name = name.rpartition(".")[0]
    return name if name in modules else ""


def part(name: str) -> str:
    """Return the part of the package that a module belongs to; empty for the package itself."""
    return [*name.split("."), ""][1]


def unknown_parts(sources: Sources) -> list[str]:
    """Return the parts that stand on no floor."""
    return sorted({part(module(file)) for file in sources} - {"", *FLOOR})


def upward(sources: Sources) -> list[str]:
    """Return the imports from a lower floor to a higher one; the face of the whole package is lazy and exempt."""
    found = []
    for name, others in imports(sources).items():
        for other in sorted(others):
            here, there = part(name), part(other)
            if here and there and here in FLOOR and there in FLOOR and FLOOR[there] > FLOOR[here]:
                found.append(f"{name} imports {other}")
    return found


def circles(sources: Sources) -> list[str]:
    """Return the circles of files that import each other, each once; a package's face belongs to its files."""
    graph = {
        name: {other for other in others if part(other) and not name.startswith(f"{other}.")}
        for name, others in imports(sources).items()
        if part(name)
    }
    done: set[str] = set()
    found: list[str] = []

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            found.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, [*path, name])
            done.add(name)

    for name in sorted(graph):
        visit(name, [])
    return found


def long_files(sources: Sources) -> list[str]:
    """Return the files of more than 400 lines."""
    return [file for file, source in sources.items() if len(source.splitlines()) > LONGEST]


def told_apart_by_attributes(sources: Sources) -> list[str]:
    """Return the places where `hasattr` tells classes apart; what the system offers may be asked."""
    return [
        f"{file}:{node.lineno}"
        for file, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "hasattr" and ast.unparse(node.args[0]) != "os"
    ]


def face(source: str) -> list[str] | None:
    """Return a package's `__all__`; None without one."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if [ast.unparse(target) for target in targets] == ["__all__"] and node.value:
                return [ast.literal_eval(item) for item in node.value.elts]  # type: ignore[attr-defined]
    return None


def _imported(source: str) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.parse(source).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _packages(sources: Sources) -> Iterator[tuple[str, str]]:
    # The face of the whole package is lazy: its names are its parts.
    for file, source in sources.items():
        if file.endswith("/__init__.py") and file != "attncap/__init__.py":
            yield file, source


def hidden_by_files(sources: Sources) -> list[str]:
    """Return the names of a package's face that are also names of its files: a page of the API shows the file."""
    found = []
    for file, source in _packages(sources):
        package = module(file)
        files = {module(other).rpartition(".")[2] for other in sources if module(other).rpartition(".")[0] == package}
        names = face(source)
        found += [f"{package}.{name}" for name in sorted((_imported(source) if names is None else set(names)) & files)]
    return found


def faceless(sources: Sources) -> list[str]:
    """Return the packages that import names without an `__all__`, or whose `__all__` names what is not there."""
    return [
        file
        for file, source in _packages(sources)
        if _imported(source) and not set(face(source) or ["-"]) <= _imported(source) | _defined(source)
    ]


def _defined(source: str) -> set[str]:
    names = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    targets = [node.targets for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    return names | {ast.unparse(one) for group in targets for one in group}


def roles(sources: Sources) -> list[str]:
    """Return the files whose docstrings write formulas as `:math:`, not between dollars."""
    return [file for file, source in sources.items() if ":math:" in source]


def charts_with_limits(sources: Sources) -> list[str]:
    """Return the places that begin a chart by themselves: Altair refuses a frame of more than 5,000 rows."""
    return [
        f"{file}:{node.lineno}"
        for file, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "alt.Chart" and file != "attncap/plots/theme.py"
    ]


RULES = (
    unknown_parts,
    upward,
    circles,
    long_files,
    told_apart_by_attributes,
    hidden_by_files,
    faceless,
    roles,
    charts_with_limits,
)
