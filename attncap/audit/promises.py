"""Which theorems apply to a layer, given what was found of its input, and what they then promise."""

from collections.abc import Mapping
from dataclasses import dataclass

from attncap import bounds
from attncap.audit.families import Settings
from attncap.result import Result

# What the theorems' layer is, and a real block is not.
UNLIKE = "the theorems' layer has neither norm, nor skip connection, nor perceptron: they speak of its attention alone"


@dataclass(frozen=True)
class Promise(Result):
    """One theorem at one layer.

    Attributes:
        bound: its id in the catalogue of bounds.
        examples: what it promises (or forbids) at the layer's shape; None where it does not apply.
        at_shape: the number at this shape if it applied.
        applies: whether what it assumes was found to hold.
        because: what it rests on, or what fails.
    """

    bound: str
    examples: int | None
    at_shape: int
    applies: bool
    because: str


def promises(settings: Settings, context: int, holds: Mapping[str, bool]) -> list[Promise]:
    r"""Judge the theorems of Mahdavi et al. at a layer's own H, d_h, d and n.

    Theorem 1 wants Assumptions 1 and 2; Proposition 5 makes them of 2 and 3 by one layer of uniform attention before.
    Heads that share keys count once, as each of the theorem's heads chooses its own $W_{QK}$.

    Args:
        settings: the model's numbers.
        context: n.
        holds: A1, A2, A3.

    Example:
        >>> numbers = Settings(dim=384, layers=6, heads=12, key_heads=12, head_dim=32, eps=1e-12, positions=512,
        ...     activation="gelu")
        >>> first, second, generic = promises(numbers, 64, {"A1": False, "A2": True, "A3": True})
        >>> first.examples, first.at_shape, first.because
        (None, 373, 'Assumption 1 fails')
        >>> second.examples, generic.examples
        (373, 4608)
    """
    rows = min(context, settings.dim)
    shape = {"heads": settings.key_heads, "head_dim": settings.head_dim, "context": rows, "embedding_dim": settings.dim}
    value = {name: int(bounds.value(name, **shape)) for name in ("mahdavi2024", "features")}
    needs = {
        "mahdavi2024": (("A1", "A2"), ""),
        "mahdavi2024, Proposition 5": (("A3", "A2"), "with one layer of uniform attention and a skip before it"),
    }
    found = []
    for name, (asked, how) in needs.items():
        failing = [f"Assumption {each[1]} fails" for each in asked if not holds[each]]
        number = value["mahdavi2024"]
        said = ", ".join(failing) or how or "Assumptions 1 and 2 hold by the paper's rule"
        found.append(Promise(name, None if failing else number, number, not failing, said))
    generic = value["features"]
    good = holds["A2"]
    said = "fixed random scores in place of the layer's, measured in generic contexts"
    found.append(Promise("features", generic if good else None, generic, good, said if good else "Assumption 2 fails"))
    return found
