"""What an audit of a model found, layer by layer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attncap.audit.heads import Head
from attncap.audit.mahdavi2024_assumptions import Assumptions
from attncap.audit.own_interpolation import OwnInterpolation
from attncap.audit.promises import Promise
from attncap.audit.shares import Share
from attncap.result import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from attncap.audit.factual_memory import FactRecall


@dataclass(frozen=True)
class Twin(Result):
    """The same layer of an untrained model of the same shape.

    Attributes:
        kruskal: Assumption 1.
        general_position: share of subsets of d queries; None with fewer queries.
        context_rank_full_fraction: Assumption 2.
        with_mean: Assumption 3.
        saturation: share of queries and heads whose largest weight exceeds 0.99.
    """

    kruskal: Share
    general_position: float | None
    context_rank_full_fraction: float
    with_mean: Share
    saturation: float


@dataclass(frozen=True)
class Layer(Result):
    """One layer.

    Attributes:
        layer: its number, from 0.
        input: in words, what was audited.
        assumptions: what holds of the input.
        saturation: share of audited queries and heads whose largest weight exceeds 0.99; None without a model.
        heads: every head.
        promises: which theorems apply, and to how many examples.
        interpolation: the layer's own attention on its own inputs.
        untrained: the same layer of a random twin.
    """

    layer: int
    input: str
    assumptions: Assumptions
    saturation: float | None = None
    heads: tuple[Head, ...] = ()
    promises: tuple[Promise, ...] = ()
    interpolation: OwnInterpolation | None = None
    untrained: Twin | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON, the assumptions' fields among the layer's own."""
        own = super().to_dict()
        return {"layer": own.pop("layer"), "input": own.pop("input")} | own.pop("assumptions") | own


@dataclass(frozen=True)
class Audit(Result):
    """A model, and what was found.

    Attributes:
        model: its file or folder.
        family: of models; empty for arrays.
        settings: its numbers: d, layers, H, key heads, d_h.
        parameters: numbers in attention, perceptrons and the rest.
        inputs: in words.
        query: which row of each context is the query: cls (the first) or last.
        layers: what was found at each; empty if no inputs were given.
        facts: what it recalls of a table; None if none was given.
        notes: what to know of these numbers.
        seconds: that it took.
    """

    model: str
    family: str
    settings: dict[str, int]
    parameters: dict[str, int]
    inputs: str
    query: str
    layers: tuple[Layer, ...]
    facts: "FactRecall | None"
    notes: tuple[str, ...]
    seconds: float

    @property
    def cites(self) -> tuple[str, ...]:
        """The papers of the assumptions and of the interpolation error."""
        return ("mahdavi2024", *(("interpolation",) if any(layer.interpolation for layer in self.layers) else ()))

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        return Group(*self._blocks())

    def _blocks(self) -> "Iterator[RenderableType]":
        from attncap.terminal import Rows

        size = ", ".join(f"{name} {number:,}" for name, number in self.settings.items())
        yield f"{self.model}{f' ({self.family}; {size})' if self.family else ''}"
        if self.layers:
            yield self.inputs
            table = Rows(
                "layer", "input", "Kruskal (A1)", "context (A2)", "with mean (A3)", "d queries", "saturated", "subset"
            )
            for layer in self.layers:
                found = layer.assumptions
                table.add_row(
                    str(layer.layer),
                    layer.input,
                    _share(found.kruskal, found.holds["A1"]),
                    f"{found.context_rank_full_fraction:.4g}{_mark(found.holds['A2'])}",
                    _share(found.with_mean, found.holds["A3"]),
                    "-" if found.general_position is None else f"{found.general_position:.4g}",
                    "-" if layer.saturation is None else f"{layer.saturation:.3g}",
                    f"{found.kruskal.size} of {found.embedding_dim}",
                )
            yield table
            yield from (f"layer {layer.layer}: {note}" for layer in self.layers for note in layer.assumptions.notes)
            yield from self._promised()
        if self.facts is not None:
            yield self.facts
        yield from self.notes

    def _promised(self) -> "Iterator[RenderableType]":
        from attncap.terminal import Rows

        if not any(layer.promises for layer in self.layers):
            return
        yield ""
        table = Rows("layer", "theorem", "examples", "because")
        for layer in self.layers:
            for promise in layer.promises:
                number = "-" if promise.examples is None else f"{promise.examples:,}"
                table.add_row(str(layer.layer), promise.bound, number, promise.because)
        yield table


def _share(share: Share, holds: bool) -> str:
    return f"{share.fraction:.4g} [{share.low:.4g}, {share.high:.4g}]{_mark(holds)}"


def _mark(holds: bool) -> str:
    return "" if holds else " fails"
