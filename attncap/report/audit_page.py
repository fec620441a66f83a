"""The report of an audit: what was found at each layer, as one page and as the files that it is made of."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import vl_convert

from attncap import __version__
from attncap.constraints import checked
from attncap.errors import InputError
from attncap.files import check_free, replacing
from attncap.result import plain

if TYPE_CHECKING:
    from attncap.audit import Audit

JSON, CHART, PAGE = "audit.json", "audit.svg", "report.html"


@checked
def write_audit(audit: "Audit", out: str | Path, *, force: bool = False) -> Path:
    """Write what an audit found: audit.json, its chart, and report.html.

    Args:
        audit: the result of `attncap.audit.audit`.
        out: the directory.
        force: replace the directory of an earlier audit.

    Returns:
        The directory.
    """
    with replacing(out, force=force, directory=True) as folder:
        found = plain(audit)
        (folder / JSON).write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
        if audit.layers:
            from attncap.plots import audit_chart

            (folder / CHART).write_text(vl_convert.vegalite_to_svg(audit_chart(audit).to_json()), encoding="utf-8")
        (folder / PAGE).write_text(render(folder), encoding="utf-8")
    return Path(out)


def is_audit(directory: Path) -> bool:
    """Tell whether a directory holds an audit."""
    return (directory / JSON).is_file()


def write_page(directory: Path, path: Path, *, force: bool) -> Path:
    """Write the page of an audit again, or elsewhere."""
    if path.resolve() in {(directory / name).resolve() for name in (JSON, CHART)}:
        raise InputError(f"{path}: is part of the audit that the report is about; choose another path")
    check_free(path, force=force)
    page = render(directory)
    with replacing(path, force=force) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render(directory: Path) -> str:
    """Return the page as HTML; all text is escaped.

    Raises:
        InputError: audit.json is not what an audit wrote.
    """
    path = directory / JSON
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        chart = (directory / CHART).read_text(encoding="utf-8") if (directory / CHART).is_file() else ""
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("attncap.report"), autoescape=True, undefined=jinja2.StrictUndefined
        )
        return environment.get_template("audit.html").render(audit=found, chart=chart, version=__version__)
    except (ValueError, TypeError, jinja2.UndefinedError) as error:
        raise InputError(f"{path}: not what attncap audit wrote ({error})") from None
