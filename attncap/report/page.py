"""Write the page of a directory of results: which kind it is, and where the page goes."""

from pathlib import Path
from types import ModuleType

from attncap import sums
from attncap.constraints import checked
from attncap.errors import InputError
from attncap.files import check_free, replacing, restore
from attncap.report import audits, memory, organisms, reproductions, sweeps
from attncap.report.template import render

NAME = "report.html"
# How a page of ours is known where no SHA256SUMS lists it.
OURS = b'<meta name="generator" content="attncap '
# Each tells whether a directory is of its kind, names its files and says what stands on its page.
KINDS: tuple[ModuleType, ...] = (audits, organisms, sweeps, reproductions, memory)


@checked
def write(directory: str | Path, out: str | Path | None = None, *, force: bool = False) -> Path:
    """Write one page about any directory of results: it needs no network and no other file.

    Args:
        directory: what attncap wrote: a memory (also one that was edited or made to forget), model organisms, an
            audit, the store of a sweep, or reproduced figures.
        out: the page; ``directory``/report.html by default, which a later report replaces.
        force: replace another page that exists.

    Returns:
        The page.

    Raises:
        InputError: no such directory, or a page that must not be replaced.
        UnmetError: the weights of a memory give no finite numbers.
    """
    directory = Path(directory)
    restore(directory)
    path = directory / NAME if out is None else Path(out)
    kind = next((one for one in KINDS if one.holds(directory)), memory)
    if path.resolve() in {(directory / name).resolve() for name in (*kind.FILES, sums.NAME)}:
        raise InputError(f"{path}: is part of the {kind.NOUN} that the report is about; choose another path")
    # Its own earlier page is replaced unasked.
    force = force or (out is None and _ours(directory, path))
    check_free(path, force=force)
    found = kind.page(directory)
    with replacing(path, force=force) as temporary:
        temporary.write_text(render(found), encoding="utf-8")
    return path


def _ours(directory: Path, path: Path) -> bool:
    listed = sums.listing(directory) if directory.is_dir() else None
    if listed is not None:
        return path.name in listed
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return OURS in file.read(2000)
