"""The catalogue as JavaScript for a page without a server: the same formulas, printed from SymPy."""

import json
from collections.abc import Iterable

from attncap.bounds.architectures import ARCHITECTURES
from attncap.bounds.bound import Bound
from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.defaults import DEFAULTS
from attncap.bounds.symbols import QUANTITIES, javascript

# Newton's method on w e^w = x; x >= 0 here, where it converges from ln(1 + x).
_LAMBERT_W = """function lambertW(x) {
  let w = Math.log1p(x);
  for (let k = 0; k < 50; k++) {
    const step = (w - x * Math.exp(-w)) / (1 + w);
    w -= step;
    if (Math.abs(step) <= 1e-15 * (1 + w)) break;
  }
  return w;
}"""


def bundle(bounds: Iterable[Bound] = CATALOGUE.values()) -> str:
    """Print bounds as JavaScript.

    Args:
        bounds: which; by default the whole catalogue.

    Returns:
        Source that defines ``attncap``: ``attncap.complete(shape)`` fills in defaults, ``attncap.parameters[family]``
        counts parameters, and ``attncap.bounds[id]`` has the fields of the entry, ``value(shape)`` (NaN where a
        quantity is not given) and ``failing(shape)`` (the assumption that a completed shape breaks, or null).

    Example:
        >>> "dana2025" in bundle()
        True
    """
    names = ", ".join(QUANTITIES)
    defaults = "\n".join(
        f"  if (s.{name} === undefined) s.{name} = ({{{names}}} = s, {javascript(formula)});"
        for name, formula in DEFAULTS.items()
    )
    entries = ",\n".join(f"  {json.dumps(bound.id)}: {_entry(bound, names)}" for bound in bounds)
    return "".join((_LAMBERT_W, defaults, entries))


def _entry(bound: Bound, names: str) -> str:
    return ""
