"""Data files inside installed packages, found without importing the package, whose code needs much more."""

import importlib.util
from pathlib import Path

from attncap.errors import UnmetError


def installed(package: str, file: str, requirement: str) -> Path:
    """Find a package's data file.

    Args:
        package: its name in Python.
        file: the file's path inside it.
        requirement: what pip would install.

    Raises:
        UnmetError: it is not installed.

    Example:
        >>> installed("no_such_package", "table.csv", "no-such-package==1.0")
        Traceback (most recent call last):
        attncap.errors.UnmetError: needs no_such_package, which is not installed: pip install no-such-package==1.0
    """
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or []) if found else []:
        if (Path(folder) / file).is_file():
            return Path(folder) / file
    raise UnmetError(f"needs {package}, which is not installed: pip install {requirement}")
