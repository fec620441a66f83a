"""The shape with the fewest parameters that reaches a target, from the inverse of a bound."""

from collections.abc import Iterator, Mapping

import sympy

from attncap.bounds.bound import Bound
from attncap.bounds.formula import Number, number
from attncap.bounds.values import fill
from attncap.errors import UnmetError


def smallest_shape(
    bound: Bound,
    target: Number,
    shape: Mapping[str, Number],
    narrowest: int = 1,
    spare: sympy.Expr = sympy.S.Zero,
    parameters: sympy.Expr | None = None,
) -> dict[str, Number]:
    """Search the dimensions that are free; the size that grows comes from the bound's inverse.

    Args:
        bound: a bound on associations or bits.
        target: the value to reach, in the bound's unit.
        shape: what is given: the task, and the dimensions that are fixed.
        narrowest: the least embedding dimension to choose (one that is fixed may be less).
        spare: what a shape must reach beyond the target.
        parameters: what is counted; by default all parameters of the family.

    Returns:
        The completed shape, its ``parameters`` included: the fewest parameters, among those the fewest heads.

    Raises:
        UnmetError: no shape reaches the target, or a constant is not known.
    """
    family, found, failures = bound.family, [], list[str]()
    for tried in _shapes(bound, target, shape, narrowest):
        try:
            size = bound.invert(target + number(spare, tried), tried)
        except UnmetError as error:
            failures.append(str(error))
            continue
        tried[family.size] = size
        tried["parameters"] = number(family.parameters if parameters is None else parameters, tried)
        found.append(tried)
    if not found:
        raise UnmetError(bound.closest(failures))
    return min(found, key=lambda shape: (shape["parameters"], shape[family.size]))


def _shapes(bound: Bound, target: Number, shape: Mapping[str, Number], narrowest: int) -> Iterator[dict[str, Number]]:
    """Dimensions to try for the attention-only transformer; the other families have none to choose.

    The parameters of the counts are concave in d, so the ends decide; all that the measured law covers are tried.
    """
    if bound.architecture != "aot":
        yield dict(shape)
        return
    powers = {2**k for k in range(5, int(target).bit_length() + 1)}
    widths = {d for d in (*range(33), *powers, int(min(target, shape["queries"]))) if d >= narrowest} | {narrowest}
    for d in [int(shape["embedding_dim"])] if "embedding_dim" in shape else sorted(widths):
        filled = fill({**shape, "embedding_dim": d})
        halves = {d >> k for k in range(d.bit_length())}
        for dh in [int(shape["head_dim"])] if "head_dim" in shape else sorted(halves):
            yield filled | {"head_dim": dh}
