"""Gather what the page shows, from the written weights themselves, and render it."""

from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import vl_convert

from attncap import __version__, archive, measure, sums
from attncap.constraints import checked
from attncap.construct import TokenShape
from attncap.errors import InputError
from attncap.files import check_free, replacing
from attncap.plots import capacity
from attncap.plots.theme import narrow


@checked
def write(directory: str | Path, out: str | Path | None = None, *, force: bool = False) -> Path:
    """Write the report of a memory.

    Args:
        directory: what `attncap.archive.write` wrote.
        out: the page; ``directory``/report.html by default, which a later report replaces.
        force: replace another page that exists.

    Returns:
        The page.

    Raises:
        InputError: no such directory, or a page that must not be replaced.
    """
    directory = Path(directory)
    path = directory / "report.html" if out is None else Path(out)
    memory = archive.read(directory)
    if path.resolve() in {(directory / name).resolve() for name in (*archive.FILES, sums.NAME)}:
        raise InputError(f"{path}: is part of the memory that the report is about; choose another path")
    # Its own earlier page, as it was written, is replaced unasked.
    force = force or (out is None and path.name in (sums.listing(directory) or ()))
    check_free(path, force=force)
    try:
        page = render(memory)
    except (jinja2.UndefinedError, TypeError) as error:
        raise InputError(f"{directory / archive.RESULT}: lacks what a report shows ({error})") from None
    with replacing(path, force=force) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render(memory: archive.Archive) -> str:
    """Run the written weights on every sequence and return the page as HTML; all text is escaped."""
    shape, task = TokenShape.of(memory.model, memory.task, memory.model.dtype), memory.task
    facts = _facts(memory)
    recalled = _recalled(memory)
    drawn = capacity.chart(task, shape.embedding_dim, shape.head_dim, recalled, shape.heads)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("attncap.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("page.html").render(
        task=task,
        shape=shape,
        dtype=memory.model.dtype,
        result=memory.result,
        recalled=recalled,
        held=measure.memorized(memory.model, task),
        figure=vl_convert.vegalite_to_svg(narrow(drawn).to_json()),
        facts=facts,
        headings=("subject", "relation") if task.kind == "facts" else ("sequence",),
        version=__version__,
    )


def _recalled(memory: archive.Archive) -> dict[str, measure.Recall]:
    """Return what was proved and measured when the weights were written; where no hash vouches for it, do it again."""
    found = memory.result.get("recall")
    if not memory.checked or not isinstance(found, dict):
        return measure.verify(memory.model.astype("float64"), memory.task)
    return {dtype: measure.Recall(**each | {"measured": tuple(each["measured"])}) for dtype, each in found.items()}


def _facts(memory: archive.Archive) -> list[list[Any]]:
    """Return a row an association: its words, what was stored, what the model answers, by which margin."""
    task = memory.task
    said = np.concatenate([logits.argmax(axis=1) for _, logits in memory.logits(task.sequences)])
    margins = measure.margin(memory.model, task)
    rows = []
    for index in range(task.associations):
        words, stored = task.words(index)
        asked = [words[1], words[0]] if task.kind == "facts" else [" ".join(words)]
        rows.append([*asked, stored, task.vocabulary[said[index]], float(f"{margins[index]:.4g}")])
    return rows
