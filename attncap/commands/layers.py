"""Which layer memorizes: attention, a perceptron, or both at as many parameters."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attncap import methods
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.fits import Capacity, Fit, Peers
    from attncap.tasks import Associations

Layer = Literal["attention", "perceptron", "both"]
# Without a method or a shape a perceptron is descended as a whole in so many dimensions.
SMALL = 8


def memorized(
    task: "Associations",
    layer: Layer,
    *,
    method: str | None,
    embedding_dim: int | None,
    head_dim: int | None,
    heads: int | None,
    units: int | None,
    embeddings: Path | None,
    dtype: Any,
    seed: int,
    **special: Any,
) -> "Fit | Peers[Fit]":
    """Find weights of the layers that are asked for, between given embeddings or with some of their own.

    Raises:
        InputError: options that do not go together.
        UnmetError: the shape does not hold the task.
    """
    from attncap import construct

    given = None if embeddings is None else construct.Embeddings.read(embeddings, task)
    chosen = methods.find("associations", method or ("joint" if given is None else "margin"))
    of_attention = {"head_dim": head_dim, "heads": heads, "query_key_rank": special.get("query_key_rank")}
    _fitting(chosen, layer, units, of_attention)
    dim = embedding_dim or (given.dim if given else SMALL if method is None else 64)
    shared: Any = {"dtype": dtype, "seed": seed}
    if layer == "perceptron":
        chosen.taking(**special)
        _no_attention(special)
        name: Any = chosen.name
        return construct.perceptron(task, dim, units, method=name, embeddings=given, **shared)
    taken = chosen.taking(**special, embeddings=given)
    fit: Fit = chosen.function(task, dim, head_dim, heads, **shared, **taken)
    return fit if layer == "attention" else _beside(fit, given, **shared)


def capacities(
    layer: Layer, chosen: methods.Method, sizes: tuple[int, int, int], units: int | None, attention: Any, **shared: Any
) -> "Capacity | Peers[Capacity]":
    """Search what a perceptron holds, or both layers.

    Args:
        layer: perceptron or both.
        chosen: the method.
        sizes: vocabulary, context and embedding dimension.
        units: of the perceptron alone.
        attention: its head dimension, heads and what else only it takes.
        shared: type and seeds.
    """
    from attncap import construct
    from attncap.fits import Peers

    vocabulary, context, dim = sizes
    _fitting(chosen, layer, units, attention)
    name: Any = chosen.name
    if layer == "perceptron":
        _no_attention(attention)
        if units is None:
            raise InputError("units", "how many the perceptron has", units)
        return construct.perceptron_capacity(vocabulary, context, dim, units, method=name, **shared)
    if attention["heads"] is None:
        raise InputError("heads", "how many the attention has", None)
    found = construct.capacity(vocabulary, context, dim, method=name, **attention, **shared)
    head_dim = attention["head_dim"] or dim
    own = attention["heads"] * dim * (2 * head_dim + min(2 * head_dim, dim))
    width = _width(own, dim, context)
    peer = construct.perceptron_capacity(vocabulary, context, dim, width, method=name, **shared)
    return Peers(found, peer, attention["heads"], width, _parameters(own, width, dim, context))


def _beside(fit: "Fit", given: Any, **shared: Any) -> "Peers[Fit]":
    """Put a perceptron of as many parameters beside attention, whether it recalls the task or not."""
    from attncap.construct.perceptrons.constructed import attempted
    from attncap.fits import Peers, TokenShape

    shape = fit.shape
    assert isinstance(shape, TokenShape)
    dim, context, name = shape.embedding_dim, fit.task.context, fit.method
    width = _width(shape.layer_parameters, dim, context)
    peer = attempted(fit.task, dim, width, method=name, embeddings=given, **shared)  # type: ignore[arg-type]
    return Peers(fit, peer, shape.heads, width, _parameters(shape.layer_parameters, width, dim, context))


def _width(parameters: int, dim: int, context: int) -> int:
    return max(1, parameters // (dim * (2 * context + 1)))


def _parameters(attention: int, units: int, dim: int, context: int) -> dict[str, int]:
    return {"attention": attention, "perceptron": units * dim * (2 * context + 1)}


def _fitting(chosen: methods.Method, layer: Layer, units: int | None, of_attention: dict[str, Any]) -> None:
    if layer != "attention" and "perceptron" not in chosen.layers:
        takers = [m.name for m in methods.methods(chosen.kind).values() if "perceptron" in m.layers]
        raise InputError("layer", f"attention, or method {' or '.join(takers)}", f"{layer} and method {chosen.name}")
    if units is not None and layer != "perceptron":
        raise InputError("units", "layer perceptron", f"layer {layer}")
    if layer == "perceptron":
        _no_attention(of_attention)


def _no_attention(options: dict[str, Any]) -> None:
    for name, value in options.items():
        if value is not None and value is not False:
            raise InputError(name, "layer attention", "layer perceptron")
