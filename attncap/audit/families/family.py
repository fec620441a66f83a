"""A family of models as data: what its tensors and settings are called, and which of a few variants it uses."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from attncap.errors import InputError

# What tells a family, and what each of its layers must have; other tensors that a checkpoint lacks are not there.
NEEDED = frozenset({"query", "fused", "output", "up", "down"})
LAYER = "{l}"


@dataclass(frozen=True)
class Settings:
    """The numbers of one model.

    Attributes:
        dim: d.
        layers: how many.
        heads: H.
        key_heads: heads of keys and values, each shared by H over so many heads of queries.
        head_dim: d_h.
        eps: what a norm adds to the variance.
        positions: the most rows that a context may have.
        activation: of the perceptrons.
        theta: base of the rotary angles.
        spacing: by which rotary positions are divided.
    """

    dim: int
    layers: int
    heads: int
    key_heads: int
    head_dim: int
    eps: float
    positions: int
    activation: str
    theta: float = 10000.0
    spacing: float = 1.0


@dataclass(frozen=True)
class Family:
    """How the models of a family are built.

    Attributes:
        name: what to call it.
        types: its names in config.json (`model_type`) or another header.
        tensors: our names of tensors to the checkpoint's; those of a layer hold ``{l}``.
        keys: our names of settings to the header's; alternatives in order.
        prefixes: what may stand before every name.
        ignored: patterns of tensors that the forward pass does not need.
        allowed: settings of the header that must have one of these values if they are there.
        outward: whether matrices are stored (out, in).
        norm: "layer" (mean and variance) or "rms".
        post: whether norms follow the sums (BERT) or precede the parts.
        causal: whether a row attends to those before it only.
        rotary: whether positions rotate queries and keys: their halves against each other, or neighbours in pairs.
        images: whether the input is an image cut into patches.
        activation: of the perceptrons, where the header names none.
    """

    name: str
    types: tuple[str, ...]
    tensors: Mapping[str, str]
    keys: Mapping[str, tuple[str, ...]]
    prefixes: tuple[str, ...] = ("",)
    ignored: tuple[str, ...] = ()
    allowed: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    outward: bool = True
    norm: Literal["layer", "rms"] = "layer"
    post: bool = False
    causal: bool = False
    rotary: Literal["", "halves", "pairs"] = ""
    images: bool = False
    activation: str = "gelu"

    def prefix(self, names: Collection[str]) -> str | None:
        """Return what stands before every name of a checkpoint; None if it is of another family."""
        needed = [each.format(l=0) for name, each in self.tensors.items() if name in NEEDED]
        return next((prefix for prefix in self.prefixes if all(prefix + each in names for each in needed)), None)

    def settings(self, header: Mapping[str, Any]) -> Settings:
        """Read the settings out of a header.

        Raises:
            InputError: a number is missing, or a setting asks for what the forward pass does not do.
        """
        for key, values in self.allowed.items():
            if key in header and header[key] not in values:
                raise InputError(f"{self.name}: {key}", " or ".join(map(str, values)), header[key])
        found = {name: _first(header, keys) for name, keys in self.keys.items()}
        found = {name: value for name, value in found.items() if value is not None}
        for name in ("dim", "layers", "heads", "eps"):
            if name not in found:
                raise InputError(f"{self.name}: the header lacks {' or '.join(self.keys[name])}")
        found.setdefault("key_heads", found["heads"])
        found.setdefault("head_dim", found["dim"] // found["heads"])
        found.setdefault("activation", self.activation)
        found.setdefault("positions", 1 << 20)
        theta, spacing = _rotary(self.name, header)
        settings = Settings(**{"theta": theta, "spacing": spacing} | found)
        if settings.heads % settings.key_heads:
            raise InputError(f"{self.name}: heads", f"a multiple of {settings.key_heads} key heads", settings.heads)
        return settings

    def unread(self, names: Collection[str], prefix: str, read: Collection[str]) -> list[str]:
        """Return the tensors of layers that belong to no part that we know."""
        stem = self.tensors["output"].partition(LAYER)[0]
        skipped = re.compile("|".join(self.ignored) or r"(?!)")
        layered = (name for name in names if name.startswith(prefix + stem) and name not in read)
        return sorted(name for name in layered if not skipped.search(name))


def _first(header: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((header[key] for key in keys if header.get(key) is not None), None)


def _rotary(name: str, header: Mapping[str, Any]) -> tuple[float, float]:
    """Return the base of the angles and the factor that stretches positions, wherever a header keeps them."""
    scaling = header.get("rope_parameters") or header.get("rope_scaling") or {}
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind not in ("default", "linear"):
        raise InputError(f"{name}: rope_scaling", "default or linear", kind)
    theta = _first({**header, **scaling}, ("rope_theta", "rope_base", "llama.rope.freq_base"))
    return float(theta or 10000.0), float(scaling.get("factor", 1.0) if kind == "linear" else 1.0)
