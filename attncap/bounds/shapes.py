"""The shape with the fewest parameters that reaches a target, from the inverse of a bound."""

from collections.abc import Iterator, Mapping

from attncap.bounds.bound import Bound
from attncap.bounds.defaults import MARGIN_DIMS
from attncap.bounds.formula import Number, number
from attncap.bounds.values import fill
from attncap.errors import UnmetError


def smallest_shape(bound: Bound, target: Number, shape: Mapping[str, Number]) -> dict[str, Number]:
    """Search the dimensions that are free; the size that grows comes from the bound's inverse.

    Args:
        bound: a bound on associations or bits.
        target: the value to reach, in the bound's unit.
        shape: what is given: the task, and the dimensions that are fixed.

    Returns:
        The completed shape, its ``parameters`` included: the fewest parameters, among those the fewest heads.

    Raises:
        UnmetError: no shape reaches the target, or a constant is not known.
    """
    family, found = bound.family, []
    failure = UnmetError(f"{bound.id}: no shape to try")
    for tried in _shapes(bound, target, shape):
        try:
            size = bound.invert(target, tried)
        except UnmetError as error:
            failure = error
            continue
        tried[family.size] = size
        tried["parameters"] = number(family.parameters, tried)
        found.append(tried)
    if not found:
        raise failure
    return min(found, key=lambda shape: (shape["parameters"], shape[family.size]))


def _shapes(bound: Bound, target: Number, shape: Mapping[str, Number]) -> Iterator[dict[str, Number]]:
    """Dimensions to try for the attention-only transformer; the other families have none to choose.

    Where the measured ratio is constant the parameters are concave in d, so the ends of its ranges decide; small d
    and powers of two cover the rest.
    """
    if bound.architecture != "aot":
        yield dict(shape)
        return
    ends = {end for dim in MARGIN_DIMS for end in (dim - 1, dim)}
    powers = {2**k for k in range(4, int(target).bit_length() + 1)}
    widths = {*range(1, 17), *ends, *powers, int(min(target, shape["queries"]))}
    for d in [int(shape["embedding_dim"])] if "embedding_dim" in shape else sorted(widths):
        filled = fill({**shape, "embedding_dim": d})
        halves = {d >> k for k in range(d.bit_length())}
        for dh in [int(shape["head_dim"])] if "head_dim" in shape else sorted(halves):
            yield filled | {"head_dim": dh}
