"""Layouts for all formats: layers of causal attention, each perhaps with a perceptron, or one layer of gated units."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from attncap.errors import InputError
from attncap.models import AttentionOnlyTransformer, Perceptron, TokenModel, Transformer


@dataclass(frozen=True)
class Layers:
    """A model's tensors with an axis of layers, in the type that it computes in.

    Attributes:
        tensors: embedding and unembedding (N, d), position (S, d), query, key, value (L, H, dh, d),
            output (L, H, d, dh), and, with perceptrons, up (L, w, d), bias (L, w), down (L, d, w).
        score_scale: multiplies the scores.
        residual_position: whether the residual stream carries the positions.
        silence: added to the logits: 0, and minus infinity for tokens that are never answered; None without any.
    """

    tensors: dict[str, Float[np.ndarray, "..."]]
    score_scale: float
    residual_position: bool
    silence: Float[np.ndarray, " N"] | None

    @staticmethod
    def of(model: AttentionOnlyTransformer | Transformer) -> "Layers":
        """Lay out a model; queries and keys of a lower rank are filled up with zeros."""
        ready = model.ready()
        tensors = dict(ready.tensors())
        if isinstance(ready, AttentionOnlyTransformer):
            tensors |= {name: tensors[name][None] for name in ("query", "key", "value", "output")}
        missing = ready.head_dim - ready.query_key_rank
        for name in ("query", "key"):
            tensors[name] = np.pad(tensors[name], ((0, 0), (0, 0), (0, missing), (0, 0)))
        if "up" in tensors and not tensors["up"].size:
            tensors = {name: tensor for name, tensor in tensors.items() if name not in ("up", "bias", "down")}
        contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        return Layers(contiguous, float(ready.score_scale), ready.residual_position, _silence(ready))

    @property
    def depth(self) -> int:
        """$L$."""
        return len(self.tensors["query"])

    @property
    def config(self) -> dict[str, Any]:
        """The sizes and the two settings, for a file beside the weights."""
        size, dim = self.tensors["embedding"].shape
        _, heads, head_dim, _ = self.tensors["value"].shape
        return {
            "vocabulary": size,
            "context": len(self.tensors["position"]),
            "embedding_dim": dim,
            "head_dim": head_dim,
            "heads": heads,
            "layers": self.depth,
            "units": self.tensors["up"].shape[1] if "up" in self.tensors else 0,
            "score_scale": self.score_scale,
            "residual_position": self.residual_position,
        }


@dataclass(frozen=True)
class Units:
    """A perceptron's tensors, in the type that it computes in.

    Attributes:
        tensors: embedding and unembedding (N, d), gate and up (w, S d), down (d, w).
        context: $S$.
        activation: of the gate, "gelu" or "identity".
        silence: as of `Layers`.
    """

    tensors: dict[str, Float[np.ndarray, "..."]]
    context: int
    activation: str
    silence: Float[np.ndarray, " N"] | None

    @staticmethod
    def of(model: Perceptron) -> "Units":
        """Lay out a model."""
        ready = model.ready()
        flat = {name: getattr(ready, name).reshape(ready.units, -1) for name in ("gate", "up")}
        tensors = {name: np.ascontiguousarray(tensor) for name, tensor in (ready.tensors() | flat).items()}
        return Units(tensors, ready.context, ready.activation, _silence(ready))

    @property
    def config(self) -> dict[str, Any]:
        """The sizes and the activation, for a file beside the weights."""
        size, dim = self.tensors["embedding"].shape
        return {
            "vocabulary": size,
            "context": self.context,
            "embedding_dim": dim,
            "units": len(self.tensors["gate"]),
            "activation": self.activation,
        }


def laid_out(model: TokenModel) -> Layers | Units:
    """Lay out a model of any kind.

    Raises:
        InputError: a kind that no runtime gets.
    """
    if isinstance(model, Perceptron):
        return Units.of(model)
    if not isinstance(model, AttentionOnlyTransformer | Transformer):
        raise InputError("memory", "layers of attention or a perceptron to export", model.kind)
    return Layers.of(model)


def _silence(ready: TokenModel) -> Float[np.ndarray, " N"] | None:
    return None if ready.unembedding_rows is None else ready.silence
