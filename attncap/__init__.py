"""How much attention can memorize: promised, constructed, trained and predicted, in bits."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attncap import (
        archive,
        audit,
        bounds,
        construct,
        errors,
        explore,
        fits,
        interpolation,
        measure,
        memory,
        models,
        papers,
        plots,
        report,
        result,
        scaling,
        sweep,
        tasks,
        train,
    )
    from attncap.bounds import citation

    __version__: str

__all__ = [
    "archive",
    "audit",
    "bounds",
    "citation",
    "construct",
    "errors",
    "explore",
    "fits",
    "interpolation",
    "measure",
    "memory",
    "models",
    "papers",
    "plots",
    "report",
    "result",
    "scaling",
    "sweep",
    "tasks",
    "train",
]

if not TYPE_CHECKING:  # Else a type checker would take any name.

    def __getattr__(name: str) -> Any:
        """Import a part when it is first used, so that the command line starts at once."""
        if name == "__version__":
            from importlib.metadata import version

            return version("attncap")
        if name == "citation":
            return importlib.import_module("attncap.bounds").citation
        if name in __all__:
            return importlib.import_module(f"attncap.{name}")
        raise AttributeError(f"module 'attncap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
