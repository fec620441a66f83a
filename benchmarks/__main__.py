"""Run the benchmarks named on the command line, or all of them; with --write, write the tables that pages include."""

import importlib
import pkgutil
import sys

import benchmarks
from benchmarks.page import write

OTHERS = ("__main__", "machine", "joint_law", "margin_law", "page")
words = sys.argv[1:]
names = [word for word in words if word != "--write"] or [
    m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name not in OTHERS
]
for name in names:
    module = importlib.import_module(f"benchmarks.{name}")
    if "--write" not in words:
        module.main()
    elif hasattr(module, "table"):
        print(write(name, *module.table()))
