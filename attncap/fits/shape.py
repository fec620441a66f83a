"""The size of a model: its dimensions, its heads and its free parameters."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from attncap.models import AttentionLayer, Model
from attncap.result import Result


@runtime_checkable
class Sizes(Protocol):
    """What every shape says."""

    @property
    def embedding_dim(self) -> int:
        """$d$."""

    @property
    def head_dim(self) -> int:
        """$d_h$."""

    @property
    def heads(self) -> int:
        """$H$."""


@dataclass(frozen=True)
class Shape(Result):
    """Size of a model: dimensions, heads, and free parameters by part.

    Attributes:
        embedding_dim: $d$.
        head_dim: $d_h$.
        heads: $H$.
        parameters: all free parameters.
        parts: the same by part (embedding, query_key, output_value, unembedding).
        query_key_rank: $r$, the dimension of queries and keys.
    """

    embedding_dim: int
    head_dim: int
    heads: int
    parameters: int
    parts: dict[str, int]
    query_key_rank: int

    @staticmethod
    def of(model: Model) -> "Shape":
        """Return the shape of a model."""
        return Shape(*_sizes(model))


@dataclass(frozen=True)
class LayerShape(Shape):
    """Size of an attention layer and of the examples it takes.

    Attributes:
        value_dim: $d_v$.
        output_dim: $d_{out}$.
        context: $n$.
    """

    value_dim: int
    output_dim: int
    context: int

    @staticmethod
    def of_layer(layer: AttentionLayer, context: int) -> "LayerShape":
        """Return the shape of a layer that reads contexts of n vectors."""
        return LayerShape(*_sizes(layer), layer.value.shape[1], layer.output.shape[1], context)


def _sizes(model: Model) -> tuple[int, int, int, int, dict[str, int], int]:
    parts = dict(model.parameters)
    total = parts.pop("total")
    return model.embedding_dim, model.head_dim, model.heads, total, parts, model.query_key_rank
