"""What a construction returns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attncap import measure
from attncap.constraints import Count, checked
from attncap.errors import UnmetError
from attncap.fits.found import Found
from attncap.fits.per import bits_per
from attncap.fits.shape import TokenShape
from attncap.measure import Recall
from attncap.models import DTYPES, Perceptron, TokenModel
from attncap.models.precision import StoredName
from attncap.result import hidden, several
from attncap.tasks import Associations

if TYPE_CHECKING:
    from rich.console import RenderableType


class NotMemorized(UnmetError):
    """The shape does not hold the task by this method (a larger one may)."""


@dataclass(frozen=True, kw_only=True)
class Fit(Found):
    """A model that memorized a task, and the proof that it did.

    Attributes:
        task: what was memorized.
        shape: size of the model.
        method: how the weights were found.
        capacity: associations that a shape like this holds: "theorem" ($H d_h + d$) and "rank" (the corrected
            count on this data).
        recall: what the model, its weights rounded to each type, answers on every sequence.
        bits: memorized, in ``dtype``: what the best code saves (`attncap.measure.bits`).
        bits_hard: what the best code saves that reads the largest logit only.
        evidence: in bits, that the model knows the answers (`attncap.measure.evidence`).
        bits_per_parameter: bits over free parameters.
        bits_per: the same over other counts: see `attncap.fits.bits_per`.
        dtype: the type that the weights are meant for.
        seed: of every random draw.
        details: choices made on the way (beta, pool).
        seconds: wall time.
        model: the weights, in float64.
    """

    task: Associations
    shape: TokenShape
    capacity: dict[str, int]
    recall: dict[str, Recall]
    bits: float
    bits_hard: float
    evidence: float
    bits_per_parameter: float
    bits_per: dict[str, float | None]
    dtype: str
    seed: int
    model: TokenModel = hidden()

    @property
    def cites(self) -> tuple[str, ...]:
        """The method; for a perceptron its paper, since methods cite those of attention."""
        return ("attncap", *self.model.cites) if isinstance(self.model, Perceptron) else (self.method,)

    @property
    def recalled(self) -> tuple[float, ...]:
        """Share of the task that the model recalls, its weights in ``dtype``."""
        return (self.recall[self.dtype].accuracy,)

    @property
    def certificate(self) -> dict[str, bool | None]:
        """Whether no order of summation changes an answer, in each type and what weights of it compute in."""
        return {dtype: recall.certified for dtype, recall in self.recall.items()}

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        task, shape = self.task, self.shape
        head = Rows()
        for line in task.summary:
            head.add_row("" if head.rows else "task", line)
        head.add_row("shape", f"{shape.layer}, embedding dimension {shape.embedding_dim}")
        head.add_row(
            "", f"{several(shape.parameters, 'parameter')}, {self.bits_per_parameter:.4f} bits memorized by each"
        )
        head.add_row("", f"{shape.parameters_in_use:,} of them in use, {self.bits_per['in_use']:.4f} bits by each")
        if self.details.get("embeddings") == "given":
            layer = f"{shape.layer_parameters:,} of them in the layer, {self.bits_per['layer']:.4f} bits by each"
            head.add_row("", f"{layer}; the embeddings were given")
        head.add_row(
            "", f"{shape.bytes:,} bytes in {self.dtype}, {self.bits_per['stored_bit']:.4f} bits per stored bit"
        )
        head.add_row("memorized", f"{self.bits:,.0f} of {task.bits:,.0f} bits")
        head.add_row("capacity", f"{self.capacity['theorem']:,} by the theorem, {self.capacity['rank']:,} on this data")
        head.add_row("method", f"{self.method}, seed {self.seed}, {self.seconds:.1f} s")
        for row, one in enumerate(self.details.get("front", ())):
            tried = (
                f"d = {one['embedding_dim']}, {several(one['heads'], 'head')}, {one['dtype']}, {one['seconds']:.1f} s"
            )
            size = f"{one['parameters']:,} parameters in use, {one['bytes']:,} bytes"
            head.add_row("" if row else "front", f"{size}: {tried}")
        table = Rows("weights in", "recalled", "accuracy", "smallest margin", "certified")
        for dtype, recall in self.recall.items():
            table.add_row(
                dtype,
                f"{recall.correct:,} of {task.associations:,}",
                f"{recall.accuracy:.2%}",
                f"{recall.min_margin:.3g}",
                recall.proof,
            )
        return Group(
            head,
            "",
            table,
            *(
                # What is not written may fall short.
                line if dtype == self.dtype else f"instead in {line}"
                for dtype, recall in self.recall.items()
                if (line := shortfall(recall, task, dtype, shape.width, shape.part))
            ),
        )


@checked
def shortfall(recall: Recall, task: Associations, dtype: StoredName, heads: Count, part: str = "head") -> str:
    """Say in one line what keeps the recall in a type from being certified, and what would mend it.

    Args:
        recall: what the model answers with its weights rounded to ``dtype``.
        task: what it should answer.
        dtype: the type of the weights.
        heads: of the model, or units.
        part: which of them.

    Returns:
        Nothing where it is certified.
    """
    if recall.certified:
        return ""
    moved = "" if recall.deviation is None else f", rounding moves logits by up to {recall.deviation:.2g}"
    found = f"smallest margin {recall.min_margin:.2g}{moved}"
    if recall.correct == task.associations:
        known = (
            f"every answer is right in {several(len(recall.measured), 'order')}"
            if recall.measured
            else "every answer is right"
        )
        proved = ""
        if recall.certified_associations is not None:
            proved = f"; {recall.certified_associations:,} certified in {recall.arithmetic} arithmetic"
        if recall.needed is not None:
            proved += f"; a margin of {recall.needed:.2g} would certify it"
        return f"{dtype}: {known}, but not certified ({found}){proved}; more {part}s widen the margin"
    wider = "" if dtype == DTYPES[0] else ", a wider dtype"
    return (
        f"{dtype}: {several(heads, part, 'recall')} {recall.correct:,} of {task.associations:,} associations of "
        f"{task.name} ({found}); give more {part}s, a larger embedding dimension{wider} or another seed"
    )


@checked
def counts(
    model: TokenModel, task: Associations, dtype: StoredName, method: str, given: bool = False
) -> dict[str, Any]:
    """Return what a fit says of bits: how many are memorized, and per what (``given``: the embeddings were)."""
    held = measure.memorized(model, task, dtype)
    return {
        "bits": held.bits,
        "bits_hard": held.bits_hard,
        "evidence": held.evidence,
        "bits_per_parameter": held.bits / model.parameters["total"],
        "bits_per": bits_per(held.bits, model, task, dtype, method, given),
    }


@checked
def summarize(
    model: TokenModel, task: Associations, dtype: StoredName, *, method: str, given: bool = False, **rest: Any
) -> Fit:
    """Verify a model in every type and gather what there is to say about it (``given``: the embeddings were)."""
    return Fit(
        task=task,
        shape=TokenShape.of(model, task, dtype),
        recall=measure.verify(model, task, tuple(dict.fromkeys((*DTYPES, dtype)))),
        dtype=dtype,
        model=model,
        method=method,
        **counts(model, task, dtype, method, given),
        **rest,
    )
