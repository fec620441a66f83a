"""Attention beside a perceptron of as many parameters."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from attncap.fits.capacity import Capacity
from attncap.fits.fit import Fit
from attncap.result import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

F = TypeVar("F", Fit, Capacity)


@dataclass(frozen=True)
class Peers(Result, Generic[F]):
    """What two layers of about as many parameters hold, found the same way.

    Attributes:
        attention: what attention came to.
        perceptron: what a perceptron came to whose layer has at most as many parameters, less than a unit fewer.
        heads: of the attention.
        units: of the perceptron.
        layer_parameters: of each, embeddings and unembedding left out (`attncap.measure.layer_parameters`).
    """

    attention: F
    perceptron: F
    heads: int
    units: int
    layer_parameters: dict[str, int]

    @property
    def cites(self) -> tuple[str, ...]:
        """What both rest on."""
        return tuple(dict.fromkeys((*self.attention.cites, *self.perceptron.cites)))

    def __rich__(self) -> "RenderableType":
        from attncap.terminal import Rows

        table = Rows("layer", "width", "parameters of the layer", "memorized", "bits", "bits per layer parameter")
        both = ("attention", self.attention, self.heads, "heads"), ("perceptron", self.perceptron, self.units, "units")
        for name, found, width, parts in both:
            own = self.layer_parameters[name]
            if isinstance(found, Capacity):
                held, bits = f"{found.capacity:,}", found.bits
            else:
                held = f"{found.recall[found.dtype].correct:,} of {found.task.associations:,}"
                bits = found.bits
            table.add_row(name, f"{width:,} {parts}", f"{own:,}", held, f"{bits:,.0f}", f"{bits / own:.4f}")
        return table
