"""The result of a memory that was changed: what `attncap.archive.write` would say of it."""

from typing import Any

from attncap import measure
from attncap.archive import Archive
from attncap.fits import TokenShape, bits_per
from attncap.measure.orders import products
from attncap.models import AttentionOnlyTransformer
from attncap.result import plain

# Up to so many products the recall is proved and the bits are searched; beyond, they are measured in one batch.
AFFORDABLE = 1e8
# What stays true of a memory whose facts change.
LASTING = ("method", "details", "dtype", "seed")


def restated(memory: Archive, recall: measure.Recall) -> dict[str, Any]:
    """Return the JSON of a memory as it is now.

    Args:
        memory: with the changed weights, in their stored type, and the changed task.
        recall: measured in that type; proved here where that is quick.
    """
    model, task, dtype = memory.model, memory.task, memory.model.dtype
    small = isinstance(model, AttentionOnlyTransformer) and products(model) * task.associations <= AFFORDABLE
    recalls = measure.verify(model.astype("float64"), task) if small else {dtype: recall}
    whole = recall.correct == task.associations
    bits = task.bits if whole else measure.bits(model, task)
    said: dict[str, Any] = {
        "task": task,
        "shape": TokenShape.of(model, task, dtype),
        "recall": recalls,
        "bits": bits,
        "bits_per_parameter": bits / model.parameters["total"],
    }
    if small:
        held = measure.memorized(model, task)
        per = bits_per(bits, model, task, dtype, memory.header.get("method", ""))
        said |= {"bits_hard": held.bits_hard, "evidence": held.evidence, "bits_per": per}
    kept = {name: memory.result[name] for name in LASTING if name in memory.result}
    found: dict[str, Any] = plain(kept | said)
    return found
