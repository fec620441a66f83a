"""Every way of finding weights, one entry each: what it is called, where it is, what sizes it and what to cite."""

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from attncap.errors import InputError, nearest

Kind = Literal["associations", "distributions", "examples"]

# Of the sequences that heads could hold, distribution mode stores so many where they do not hold the whole task:
# the full count leaves the logits of the others to chance.
SHARE = 0.9
BOTH = frozenset({"attention", "perceptron"})


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way of finding weights.

    Args:
        kind: what it memorizes.
        name: in every interface.
        label: for people.
        reference: ``package.module:function``, imported when it is called.
        bound: id of the bound that sizes it: the shape that holds a task follows from it (None: no bound does).
        cites: keys of the sources that it rests on.
        search: reference of its own search for the largest task, where the common one does not apply.
        resolution: a search for the largest task stops when its bracket is this fraction of the capacity.
        slack: plan for as many times the task, since the bound is a fit that shapes scatter around.
        narrowest: (associations, embedding dimension): up to so many, this is the least dimension whose plans recall
            in float32 (tests/test_bounds_plan.py fills them).
        options: what it takes beside task, shape and seed.
        layers: what it finds weights of: "attention", and "perceptron" where gated units have the same readout
            (`attncap.construct.perceptron`).
    """

    kind: Kind
    name: str
    label: str
    reference: str
    bound: str | None
    cites: tuple[str, ...]
    search: str = ""
    resolution: float = 0.0
    slack: float = 1.0
    narrowest: tuple[tuple[int, int], ...] = ()
    options: frozenset[str] = frozenset()
    layers: frozenset[str] = frozenset({"attention"})

    @property
    def function(self) -> Callable[..., Any]:
        """The function that finds the weights."""
        return _load(self.reference)

    def narrowest_for(self, associations: int) -> int:
        """The least embedding dimension to plan with."""
        return next((dim for most, dim in self.narrowest if associations <= most), 1)

    @property
    def largest(self) -> Callable[..., Any] | None:
        """Its own search for the largest task, if it has one."""
        return _load(self.search) if self.search else None

    def taking(self, **given: Any) -> dict[str, Any]:
        """Return the options that are given: neither None nor False.

        Raises:
            InputError: the method does not take one of them.

        Example:
            >>> find("associations", "margin").taking(certify=True, query_key_rank=None)
            {'certify': True}
        """
        chosen = {option: value for option, value in given.items() if value is not None and value is not False}
        for option in chosen.keys() - self.options:
            takers = " or ".join(m.name for m in methods(self.kind).values() if option in m.options)
            raise InputError(option, f"method {takers}", f"method {self.name}")
        return chosen


def _load(reference: str) -> Callable[..., Any]:
    module, _, name = reference.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


METHODS: dict[tuple[Kind, str], Method] = {
    (method.kind, method.name): method
    for method in (
        Method(
            kind="associations",
            name="theorem",
            label="theorem (Dana et al.)",
            reference="attncap.construct.associations.dana2025_theorem_1:theorem",
            bound="corrected",
            cites=("dana2025",),
            narrowest=((100, 4), (sys.maxsize, 8)),
            options=frozenset({"query_key_rank", "dtype"}),
            layers=BOTH,
        ),
        Method(
            kind="associations",
            name="margin",
            label="margin mode (measured law)",
            reference="attncap.construct.associations.margin_mode:margin",
            bound="margin",
            cites=("attncap", "dana2025"),
            resolution=1 / 32,
            # The law over the least that a shape of its sweep held.
            slack=1.35,
            options=frozenset({"train_attention", "certify", "query_key_rank", "dtype", "embeddings"}),
            layers=BOTH,
        ),
        Method(
            kind="associations",
            name="joint",
            label="joint descent (L-BFGS)",
            reference="attncap.construct.associations.joint_mode:joint",
            bound="joint",
            cites=("attncap", "dana2025"),
            resolution=1 / 32,
            # The law over the least that a shape of its sweep held.
            slack=1.4,
            options=frozenset({"certify", "query_key_rank", "dtype", "embeddings"}),
            layers=BOTH,
        ),
        Method(
            kind="associations",
            name="train",
            label="trained (gradient descent)",
            reference="attncap.train.associations.until_recalled:memorize",
            bound=None,
            cites=("attncap", "dana2025"),
            search="attncap.train.associations.largest:capacity",
            resolution=0.02,
            options=frozenset({"target"}),
        ),
        Method(
            kind="distributions",
            name="distribution",
            label="distributions (Dana et al.)",
            reference="attncap.construct.distributions.dana2025_theorem_1:distribution",
            bound="corrected",
            cites=("dana2025", "attncap"),
            narrowest=((sys.maxsize, 4),),
            slack=1 / SHARE,
            options=frozenset({"epsilon"}),
        ),
        Method(
            kind="examples",
            name="theorem",
            label="theorem (Mahdavi et al.)",
            reference="attncap.construct.labelled.layer:examples",
            bound="mahdavi2024",
            cites=("mahdavi2024",),
        ),
        Method(
            kind="examples",
            name="lstsq",
            label="random scores, least squares",
            reference="attncap.construct.labelled.layer:examples",
            bound="features",
            cites=("attncap", "mahdavi2024"),
        ),
        Method(
            kind="examples",
            name="chosen",
            label="scores fitted to the labels",
            reference="attncap.construct.labelled.layer:examples",
            bound=None,
            cites=("attncap", "mahdavi2024"),
        ),
        Method(
            kind="examples",
            name="train",
            label="trained (gradient descent)",
            reference="attncap.train.labelled.layers:layers",
            bound=None,
            cites=("attncap", "mahdavi2024"),
            search="attncap.train.labelled.largest:trained_examples_capacity",
        ),
    )
}


def methods(kind: Kind) -> dict[str, Method]:
    """Return the methods for a kind of task, by name.

    Example:
        >>> list(methods("associations"))
        ['theorem', 'margin', 'joint', 'train']
    """
    return {name: method for (of, name), method in METHODS.items() if of == kind}


def find(kind: Kind, name: str) -> Method:
    """Look a method up.

    Raises:
        InputError: none of that name for this kind of task.

    Example:
        >>> find("examples", "lstsq").label
        'random scores, least squares'
    """
    known = methods(kind)
    if name not in known:
        raise InputError("method", f"{' or '.join(known)} for {kind}", name, nearest(name, known))
    return known[name]


def cited() -> dict[str, tuple[str, ...]]:
    """Return the sources that each name rests on: of a method (associations first), or of all methods of a kind.

    Example:
        >>> cited()["theorem"], cited()["examples"]
        (('dana2025',), ('mahdavi2024', 'attncap'))
    """
    kinds = {kind: tuple(dict.fromkeys(key for m in methods(kind).values() for key in m.cites)) for kind in _KINDS}
    names: dict[str, tuple[str, ...]] = {}
    for (_, name), method in METHODS.items():
        names.setdefault(name, method.cites)
    return names | kinds


_KINDS: tuple[Kind, ...] = get_args(Kind)
