"""Run the benchmarks named on the command line, or all of them."""

import importlib
import pkgutil
import sys

import benchmarks

names = sys.argv[1:] or [
    m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name not in ("__main__", "machine")
]
for name in names:
    importlib.import_module(f"benchmarks.{name}").main()
