"""What the page of a memory says: what the written weights hold, how sure that is, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from attncap import archive, measure, plots
from attncap.archive import Archive
from attncap.errors import InputError
from attncap.fits import TokenShape
from attncap.memory import explain, history
from attncap.plots import attribution, capacity
from attncap.report import methods
from attncap.report.parts import Column, Figure, Page, Section, Table, numbers
from attncap.result import several

NOUN = "memory"
FILES = archive.FILES
SURE = "Whatever the method, recall was proved or measured on the written weights themselves."
# Facts whose margins are taken apart.
EXPLAINED = 12
# Facts of one change that its history shows.
LISTED = 5


def holds(directory: Path) -> bool:
    """Tell whether a directory holds a memory."""
    return (directory / archive.TASK).is_file()


def page(directory: Path) -> Page:
    """Run the written weights on every sequence, and say what they hold.

    Raises:
        InputError: it is not what attncap wrote.
    """
    memory = archive.read(directory)
    try:
        return of(memory)
    except (KeyError, TypeError) as error:
        raise InputError(f"{directory / archive.RESULT}: lacks what a report shows ({error})") from None


def of(memory: Archive) -> Page:
    """Return the page of a memory that was read or made."""
    task, told = memory.task, _Told.of(memory)
    shape, recalled = told.shape, told.recalled
    stored = several(task.associations, told.one)
    sections = [
        Section("Capacity check", _capacity(told)),
        Section("Recall", [_recall(recalled, told.judged)]),
        Section("What happened to it", _history(memory)),
        Section("The facts" if task.kind == "facts" else "The sequences", [_facts(told)]),
        Section(f"Which {shape.part} writes what", _heads(told)),
        Section("Parameters", [_parameters(shape)]),
        # The shapes that bounds speak of are attention's.
        methods.section(
            [*([str(memory.result["method"])] if shape.heads else []), "bits"], methods.memory(memory), note=SURE
        ),
    ]
    return Page(
        title=task.name,
        lead=f"A memory of {stored} in one model of {told.layer}, weights in {told.dtype}",
        summary=[*_summary(told), *memory.result.get("task", {}).get("notes", ())],
        cards=[
            (f"{told.correct:,} of {told.judged:,}", f"{told.one}s recalled"),
            (f"{told.bits:,.0f} bits", f"memorized of {task.bits:,.0f} in the task"),
            (f"{shape.parameters_in_use:,}", f"parameters in use, of {shape.parameters:,}"),
            (f"{told.bits / shape.parameters_in_use:.3g}", "bits per parameter in use"),
            (
                f"{told.bits / (8 * shape.bytes):.3g}",
                f"bits per stored bit; {shape.bytes:,} bytes in {told.dtype}",
            ),
            (shape.layer, f"embedding dimension {shape.embedding_dim}"),
        ],
        sections=sections,
        source="Answers and margins were computed from the written weights for this page; bits, recall and its proof "
        + ("when they were written." if memory.checked else "again, since no hash vouches for the files."),
    )


@dataclass(frozen=True)
class _Told:
    """A memory and what one pass over its task tells."""

    memory: Archive
    shape: TokenShape
    recalled: Mapping[str, measure.Recall]
    bits: float
    said: list[str]
    margins: Float[np.ndarray, " T"]

    @staticmethod
    def of(memory: Archive) -> "_Told":
        task = memory.task
        said, margins = list[str](), np.zeros(task.associations)
        for rows, logits in memory.logits(task.sequences):
            if memory.distributed:
                said += [archive.listed(memory.shares(row)) for row in logits]
            else:
                said += [task.vocabulary[token] for token in logits.argmax(axis=1)]
            margins[rows] = measure.margins(logits, task.answers[rows])
        shape = TokenShape.of(memory.model, task, memory.model.dtype)
        return _Told(memory, shape, _recalled(memory), _bits(memory), said, margins)

    @property
    def dtype(self) -> str:
        """The type that the weights are written in."""
        return self.memory.model.dtype

    @property
    def one(self) -> str:
        """What an association is called."""
        return "fact" if self.memory.task.kind == "facts" else "sequence"

    @property
    def layer(self) -> str:
        """What its layer is called."""
        return "attention" if self.shape.heads else "gated units"

    @property
    def judged(self) -> int:
        """How many associations have one right answer: of distributions those whose most likely token is not tied."""
        recall = self.recalled.get(self.dtype)
        if not self.memory.distributed or recall is None or not recall.accuracy:
            return self.memory.task.associations
        return round(recall.correct / recall.accuracy)

    @property
    def correct(self) -> int:
        """Answers that lead every other token; of distributions, those that were found when they were stored."""
        recall = self.recalled.get(self.dtype)
        return recall.correct if self.memory.distributed and recall else int((self.margins > 0).sum())

    @property
    def order(self) -> Int[np.ndarray, " T"]:
        """The associations, wrong answers first, otherwise as they were given."""
        right = np.ones(len(self.margins), bool) if self.memory.distributed else self.margins > 0
        return np.argsort(right, kind="stable")


def _recalled(memory: Archive) -> dict[str, measure.Recall]:
    """Return what was proved and measured when the weights were written; where no hash vouches for it, do it again."""
    found = memory.result.get("recall")
    if not memory.checked or not isinstance(found, dict):
        return measure.verify(memory.model.astype("float64"), memory.task)
    return {dtype: measure.Recall(**each | {"measured": tuple(each["measured"])}) for dtype, each in found.items()}


def _bits(memory: Archive) -> float:
    """Return the bits memorized, known or measured again as the recall is: over large vocabularies that takes long."""
    found = memory.result.get("bits")
    if memory.checked and isinstance(found, int | float):
        return float(found)
    return measure.bits(memory.model, memory.task)


def _summary(told: _Told) -> list[str]:
    task, shape, held = told.memory.task, told.shape, told.bits
    wrong = told.judged - told.correct
    every = f"It answers all {several(told.judged, told.one)} right"
    some = f"It answers {told.correct:,} of {several(told.judged, told.one)} right and {wrong:,} wrong"
    holds = f"{some if wrong else every}: {held:,.0f} of the task's {task.bits:,.0f} bits."
    seconds = told.memory.result.get("seconds")
    costs = (
        f"It costs {several(shape.parameters_in_use, 'parameter')} in use and {shape.bytes:,} bytes"
        + (f", and took {seconds:,.1f} s to find" if isinstance(seconds, int | float) else "")
        + f". Each parameter in use holds {held / shape.parameters_in_use:.3g} bits, each stored bit "
        f"{held / (8 * shape.bytes):.3g}."
    )
    return [*_distributions(told), holds, certainty(told.recalled.get(told.dtype), told.dtype, told.judged), costs]


def _distributions(told: _Told) -> list[str]:
    if not told.memory.distributed:
        return []
    tied = told.memory.task.associations - told.judged
    divergence = told.memory.result["kl"][told.dtype]
    return [
        f"It stores {several(len(told.margins), 'distribution')} of the next token, {divergence:.3g} nats of "
        f"divergence away. In {tied:,} of them several tokens are the most likely; what follows is about the others."
    ]


def certainty(recall: measure.Recall | None, dtype: str, associations: int) -> str:
    """Say how sure the recall in a type is, exactly as far as the proof goes."""
    if recall is None:
        return f"Measured in {dtype}, in one order of summation; nothing is proved."
    if recall.certified:
        return f"Certified: no order of summation changes an answer, with weights in {dtype}."
    orders = f"right in {several(len(recall.measured), 'order')} of summation" if recall.measured else "run once"
    if proved := recall.certified_associations:
        share = "every answer" if proved == associations else several(proved, "answer")
        return f"Certified in {recall.arithmetic} arithmetic: {share}. In that of {dtype} measured: {orders}."
    return f"Measured, not certified: with weights in {dtype}, {orders}."


def _recall(recalled: Mapping[str, measure.Recall], judged: int) -> Table:
    each = list(recalled.values())
    return Table(
        "Recall of the whole task, the weights rounded to each type",
        (
            Column("weights in", list(recalled)),
            numbers("recalled", [one.correct for one in each], f"{{:,}} of {judged:,}"),
            numbers("accuracy", [one.accuracy for one in each], "{:.2%}"),
            numbers("smallest margin", [one.min_margin for one in each], "{:.3g}"),
            Column("certified", [one.proof for one in each]),
        ),
        "Certified: proved that no order of summation changes an answer, in the arithmetic that weights of this type "
        "compute in (float32 for bfloat16) or the one named. Otherwise the orders of summation in which every answer "
        "was found right are counted. Margins are in logits.",
        name="recall",
    )


def _capacity(told: _Told) -> list[Any]:
    task, shape, held = told.memory.task, told.shape, told.bits
    drawn: list[Any] = []
    rows: list[tuple[str, int, float, float]] = [
        ("stored: the task", shape.width, task.associations, task.bits),
        (f"stored: {capacity.MEMORY}", shape.width, told.correct, held),
    ]
    if shape.heads:
        chart = capacity.chart(task, shape.embedding_dim, shape.head_dim, shape.heads, held)
        drawn = [Figure(plots.interactive(chart, name="capacity-check"))]
        rows[:0] = capacity.promised(task, shape.embedding_dim, shape.head_dim, [shape.heads])
    table = Table(
        f"At this shape: {shape.layer}, embedding dimension {shape.embedding_dim}",
        (
            Column("what", [row[0] for row in rows]),
            numbers("bits", [row[3] for row in rows], "{:,.0f}"),
            numbers("associations", [row[2] for row in rows], "{:,.0f}"),
            numbers("this memory holds of it", [held / row[3] if row[3] else None for row in rows], "{:.1%}"),
        ),
        "Promised: associations that the theorem guarantees at this shape, at the task's bits each. Constructed: what "
        "margin mode and method joint reached, measured laws. Trained: what language models were measured to hold per "
        "parameter."
        if shape.heads
        else "The bounds of this picture are attention's: a perceptron stands alone.",
        name="capacity",
    )
    return [*drawn, table]


def _facts(told: _Told) -> Table:
    task, order = told.memory.task, told.order
    words = [task.words(int(row)) for row in order]
    if task.kind == "facts":
        asked = [Column("subject", [each[0][1] for each in words]), Column("relation", [each[0][0] for each in words])]
    else:
        asked = [Column("sequence", [" ".join(each[0]) for each in words])]
    several_each = told.memory.distributed
    wrong = 0 if several_each else task.associations - told.correct
    return Table(
        f"Every {told.one} with the model's answer",
        (
            *asked,
            Column("likeliest of those stored" if several_each else "stored", [each[1] for each in words]),
            Column("the model answers", [told.said[row] for row in order]),
            numbers("margin", [float(f"{told.margins[row]:.4g}") for row in order], "{:.4g}"),
        ),
        (f"{wrong:,} are answered wrongly and come first. " if wrong else "")
        + ("Answers of over 1 % are told, each with its probability. " if several_each else "")
        + "The margin, in logits, is how far the stored answer leads every other.",
        wrong=wrong,
        name="facts",
    )


def _heads(told: _Told) -> list[Any]:
    memory, task = told.memory, told.memory.task
    rows = np.argsort(told.margins, kind="stable")[:EXPLAINED]
    asked = [task.words(int(row))[0] for row in rows]
    found = [explain(memory, list(words[::-1] if task.kind == "facts" else words)) for words in asked]
    shares = [(one, each) for one in found for each in one.shares]
    table = Table(
        "The same, part by part",
        (
            Column("asked", [" ".join(one.query) for one, _ in shares]),
            Column("answer", [one.answer for one, _ in shares]),
            Column("rival", [one.rival for one, _ in shares]),
            Column("part", [each.part for _, each in shares]),
            numbers("logits", [each.share for _, each in shares], "{:+.4g}"),
            numbers("margin", [one.margin for one, _ in shares], "{:.4g}"),
        ),
        "The logits are linear in what each part adds to the residual stream, so the shares of a question add up to "
        "its margin. Of several layers they are the direct effects.",
        name="attribution",
    )
    chart = attribution.attributions_chart(found)
    return [Figure(plots.interactive(chart, name="attribution")), table]


def _history(memory: Archive) -> list[Any]:
    entries = history(memory.path) if memory.path.is_dir() else []
    if not entries:
        return []
    said = [
        ", ".join(f"{name} {_short(value)}" for name, value in entry.items() if name not in ("time", "kind"))
        for entry in entries
    ]
    columns = (
        Column("time", [str(entry.get("time")) for entry in entries]),
        Column("what", [str(entry.get("kind")) for entry in entries]),
        Column("said", said),
    )
    return [Table("Its history, the oldest first", columns, name="history")]


def _short(value: Any) -> str:
    """Write a value of a history for a person: of facts, what was asked and its answers."""
    if isinstance(value, list):
        more = f" and {len(value) - LISTED:,} more" if len(value) > LISTED else ""
        return ", ".join(map(_short, value[:LISTED])) + more
    if isinstance(value, Mapping):
        query, *answers = [" ".join(map(str, each)) if isinstance(each, list) else each for each in value.values()]
        return f"{query}: {' → '.join('nothing' if each is None else str(each) for each in answers)}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _parameters(shape: TokenShape) -> Table:
    sizes = list(shape.parts.values())
    return Table(
        f"{several(shape.parameters, 'parameter')} by part",
        (
            Column("part", [part.replace("_", " and ") for part in shape.parts]),
            numbers("parameters", sizes),
            numbers("share", [size / shape.parameters for size in sizes], "{:.1%}"),
        ),
        name="parameters",
    )
