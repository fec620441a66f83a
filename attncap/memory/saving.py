"""Write what an edit or a forget came to."""

from pathlib import Path

from attncap import archive
from attncap.constraints import checked
from attncap.files import check_apart, replacing
from attncap.memory import ledger
from attncap.memory.editing import Edited
from attncap.memory.forgetting import Forgotten


@checked
def save(found: Edited | Forgotten, out: str | Path | None = None, *, force: bool = False) -> Path:
    """Write a changed memory, whole or not at all, with its history.

    After an edit the history holds the old answers, and the directory what it held before, for `undone`. A forget
    leaves neither: of what happened before it stays how many facts, when and how.

    Args:
        found: what `edit` or `forget` returned.
        out: another directory; by default the memory's own, which changes in one step with its SHA256SUMS.
        force: replace ``out`` if attncap wrote all of it.

    Returns:
        The directory.

    Raises:
        InputError: it holds something that attncap did not write, must not be replaced, or, in place, was changed since
            it was read: of two processes that read one memory and change it, the second is refused.

    Warns:
        DroppedWarning: a change in place took away pictures, pages or exports that lay there.
    """
    if isinstance(found, Forgotten):
        entry = ledger.record("forget", method=found.way, forgotten=found.facts)
        return ledger.write(found.memory, out, entry, force=force)
    facts = [{"query": list(asked), "before": before, "after": after} for asked, before, after in found.facts]
    entry = ledger.record("edit", method=found.method, changed=found.changed, added=found.added, facts=facts)
    return ledger.write(found.memory, out, entry, force=force, before=True)


@checked
def save_gold(found: Forgotten, out: str | Path, *, force: bool = False) -> Path:
    """Write the gold standard of a forget: the same draws memorized without the facts, with no history.

    Args:
        found: what `forget` returned.
        out: the directory.
        force: replace it if attncap wrote all of it.

    Raises:
        InputError: it must not be replaced, or is the memory's own place.
    """
    check_apart({"out": out}, {"memory": found.memory.path})
    with replacing(out, force=force, directory=True) as temporary:
        archive.write_files(temporary, found.gold.model, found.gold.task, found.gold.result, found.gold.header)
    return Path(out)
