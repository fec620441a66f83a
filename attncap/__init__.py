"""How much attention can memorize: promised, constructed, trained and predicted, in bits."""

import importlib
from importlib.metadata import version
from typing import Any

__version__ = version("attncap")

__all__ = [
    "bounds",
    "citation",
    "construct",
    "interpolation",
    "measure",
    "models",
    "plots",
    "report",
    "scaling",
    "sweep",
    "tasks",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a part when it is first used, so that the command line starts at once."""
    if name == "citation":
        return importlib.import_module("attncap.bounds").citation
    if name in __all__:
        return importlib.import_module(f"attncap.{name}")
    raise AttributeError(f"module 'attncap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
