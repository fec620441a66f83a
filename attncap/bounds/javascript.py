"""The catalogue as JavaScript for a page without a server: the same formulas, printed from SymPy."""

import json

import sympy

from attncap.bounds.architectures import ARCHITECTURES
from attncap.bounds.bound import Bound
from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.defaults import DEFAULTS
from attncap.bounds.formula import javascript, quantities
from attncap.bounds.values import counts_sequences

# Newton's method on w e^w = x for x >= 0, where it converges from ln(1 + x).
_RUNTIME = """
const lambertW = (x) => {
  let w = Math.log1p(x);
  for (let k = 0; k < 50; k++) w -= (w - x * Math.exp(-w)) / (1 + w);
  return w;
};
const known = (f, shape) => f.needs.every((name) => shape[name] !== undefined);
const complete = (given) => {
  const shape = { ...given };
  for (const [name, f] of Object.entries(defaults))
    if (shape[name] === undefined && known(f, shape)) shape[name] = f.of(shape);
  return shape;
};
const failing = (bound, shape) => {
  const broken = bound.assumptions.find((a) => a.needs && known(a, shape) && !a.of(shape));
  return broken ? broken.text : null;
};
const value = (bound, shape) =>
  known(bound.formula, shape) && failing(bound, shape) === null ? bound.formula.of(shape) : null;
const promise = (bound, shape) => {
  const found = value(bound, shape);
  return found !== null && bound.sequences ? Math.min(found, shape.associations) : found;
};
"""


def bundle() -> str:
    """Print the whole catalogue as JavaScript, for the page of the planner.

    Returns:
        Source that defines one constant, ``attncap``. ``attncap.bounds[id]`` has the entry's fields;
        ``attncap.complete(shape)`` fills in defaults; ``attncap.value(bound, shape)`` is the number, or null;
        ``attncap.promise(bound, shape)`` is the one that `attncap.bounds.evaluate` gives, no more than there are
        sequences; ``attncap.failing(bound, shape)`` is the assumption that the shape breaks, or null;
        ``attncap.families[name].parameters.of(shape)`` counts parameters.

    Example:
        >>> "embedding_dim + head_dim*heads" in bundle()
        True
    """
    families = _object(
        {
            name: _object(
                {"name": json.dumps(f.name), "size": json.dumps(f.size), "parameters": _function(f.parameters)}
            )
            for name, f in ARCHITECTURES.items()
        }
    )
    defaults = _object({name: _function(formula) for name, formula in DEFAULTS.items()})
    bounds = _object({id: _entry(bound) for id, bound in CATALOGUE.items()})
    return (
        f"const attncap = (() => {{{_RUNTIME}const families = {families};\nconst defaults = {defaults};\n"
        f"const bounds = {bounds};\nreturn {{ families, bounds, complete, failing, promise, value }};\n}})();\n"
    )


def _entry(bound: Bound) -> str:
    names = ("id", "setting", "labels", "direction", "exactness", "evidence", "unit", "architecture", "latex", "note")
    fields = {name: json.dumps(getattr(bound, name), ensure_ascii=False) for name in names}
    assumptions = ", ".join(
        f"{{ text: {json.dumps(a.text)} }}"
        if a.condition is None
        else f"{{ text: {json.dumps(a.text)}, ...{_function(a.condition)} }}"
        for a in bound.assumptions
    )
    formulas = {"formula": _function(bound.formula), "bits": "null" if bound.bits is None else _function(bound.bits)}
    fields["sequences"] = json.dumps(counts_sequences(bound))
    return _object(fields | {"assumptions": f"[{assumptions}]"} | formulas)


def _function(formula: sympy.Basic) -> str:
    needs = quantities(formula)
    return f"{{ needs: {json.dumps(needs)}, of: ({{ {', '.join(needs)} }}) => {javascript(formula)} }}"


def _object(fields: dict[str, str]) -> str:
    return "{ " + ",\n".join(f"{json.dumps(name)}: {code}" for name, code in fields.items()) + " }"
