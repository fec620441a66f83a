"""What every format gives: a header, tensors by name, and perhaps a tokenizer; and a model made of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attncap.audit.families import FAMILIES, Family, Settings
from attncap.audit.families.family import LAYER, NEEDED
from attncap.audit.transformer import Transformer
from attncap.errors import InputError
from attncap.numerics.memory import require

ARRAYS = "or give an .npz with contexts (T, n, d) and queries (T, d), which any model can write"


@dataclass(frozen=True)
class Checkpoint:
    """A file or folder that was opened.

    Attributes:
        name: what to call it in messages.
        kind: the name of its family in the header; empty to tell it by the names of its tensors.
        header: its settings.
        sizes: number of elements by name, to state the memory before it is taken.
        read: returns one tensor.
        tokenizer: turns text into ids; None if there is none.
        stored: bytes that the tensors take in the file.
    """

    name: str
    kind: str
    header: Mapping[str, Any]
    sizes: Mapping[str, int]
    read: Callable[[str], np.ndarray]
    tokenizer: Any = None
    stored: int = 0


def build(checkpoint: Checkpoint) -> Transformer:
    """Make a model of a checkpoint.

    Raises:
        InputError: an unknown family, a missing tensor, or one that belongs to no part that we know.
        UnmetError: more weights than the memory holds.
    """
    family, prefix = _family(checkpoint)
    settings = family.settings(checkpoint.header)
    require(4.0 * sum(checkpoint.sizes.values()), f"{checkpoint.name}: its weights", "audit a smaller model")
    read: set[str] = set()

    def take(name: str, layer: int | None) -> np.ndarray | None:
        stored = family.tensors[name].replace(LAYER, str(layer))
        stored = stored[1:] if stored.startswith("/") else prefix + stored
        if stored not in checkpoint.sizes:
            return None
        read.add(stored)
        tensor = np.asarray(checkpoint.read(stored)).astype(np.float32)
        if not np.isfinite(tensor).all():
            raise InputError(f"{checkpoint.name}: {stored}", "finite weights", "nan or inf")
        turned = tensor.ndim == 2 and layer is not None and family.outward
        return np.ascontiguousarray(tensor.T) if turned else tensor

    inner = [name for name, stored in family.tensors.items() if LAYER in stored]
    outer = [name for name in family.tensors if name not in inner]
    shared = {name: tensor for name in outer if (tensor := take(name, None)) is not None}
    layers = []
    for layer in range(settings.layers):
        found = {name: tensor for name in inner if (tensor := take(name, layer)) is not None}
        if missing := (NEEDED & family.tensors.keys()) - found.keys():
            raise InputError(f"{checkpoint.name}: layer {layer} lacks {family.tensors[min(missing)]}")
        layers.append(_split(found, settings))
    if unread := family.unread(checkpoint.sizes, prefix, read):
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        raise InputError(
            f"{checkpoint.name}: {unread[0]}{more} belongs to no part of a {family.name} model that we know"
        )
    for needed in ("patch", "class_token", "position") if family.images else ("token",):
        if needed not in shared:
            raise InputError(f"{checkpoint.name}: lacks {family.tensors[needed]}")
    bits_per_weight = 8 * checkpoint.stored / sum(checkpoint.sizes.values())
    return Transformer(
        checkpoint.name, family, settings, shared, tuple(layers), checkpoint.tokenizer, bits_per_weight=bits_per_weight
    )


def _family(checkpoint: Checkpoint) -> tuple[Family, str]:
    """Return the family of a checkpoint, and what stands before the names of its tensors."""
    known = ", ".join(kind for family in FAMILIES for kind in family.types)
    named = [family for family in FAMILIES if not checkpoint.kind or checkpoint.kind in family.types]
    if not named:
        raise InputError(f"{checkpoint.name}: a model of the family {checkpoint.kind!r}; known: {known}; {ARRAYS}")
    for family in named:
        prefix = family.prefix(checkpoint.sizes)
        if prefix is not None:
            return family, prefix
    raise InputError(f"{checkpoint.name}: its tensors are not named as in {known}; {ARRAYS}")


def _split(layer: dict[str, np.ndarray], settings: Settings) -> dict[str, np.ndarray]:
    """Cut a matrix that holds queries, keys and values side by side."""
    size, key_size = settings.heads * settings.head_dim, settings.key_heads * settings.head_dim
    for suffix in ("", "_bias"):
        if (fused := layer.pop(f"fused{suffix}", None)) is not None:
            parts = np.split(fused, [size, size + key_size], axis=-1)
            layer |= {f"{n}{suffix}": part for n, part in zip(("query", "key", "value"), parts, strict=True)}
    return layer
