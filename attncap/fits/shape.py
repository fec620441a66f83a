"""The size of a model: its dimensions, its heads and its free parameters."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from attncap import measure
from attncap.models import AttentionLayer, Model, Perceptron, TokenModel
from attncap.result import Result, several
from attncap.tasks import Associations


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


@dataclass(frozen=True)
class TokenShape(Shape):
    """Size of a model of tokens, and what a task and a type make of it.

    Attributes:
        parameters_in_use: those that the task's tokens reach (`attncap.measure.parameters_in_use`).
        bytes: of all parameters as they are stored, with their scales and the index of rows.
        layer_parameters: without the embeddings (`attncap.measure.layer_parameters`).
    """

    parameters_in_use: int
    bytes: int
    layer_parameters: int

    @staticmethod
    def of(model: TokenModel, task: Associations, dtype: str) -> "TokenShape":
        """Return the shape of a model that answers a task, its weights stored in a type."""
        stored = model.astype(dtype).bytes
        counted = measure.parameters_in_use(model, task), stored, measure.layer_parameters(model)
        if isinstance(model, Perceptron):
            return PerceptronShape(*_sizes(model), *counted, model.units)
        return TokenShape(*_sizes(model), *counted)

    @property
    def part(self) -> str:
        """What a wider layer has more of."""
        return "head"

    @property
    def width(self) -> int:
        """How many of them it has."""
        return self.heads

    @property
    def layer(self) -> str:
        """The layer in words."""
        return f"{several(self.heads, 'head')} of {self.head_dim}"


@dataclass(frozen=True)
class PerceptronShape(TokenShape):
    """Size of a perceptron, which has no heads.

    Attributes:
        units: $w$.
    """

    units: int

    @property
    def part(self) -> str:
        """What a wider layer has more of."""
        return "unit"

    @property
    def width(self) -> int:
        """How many of them it has."""
        return self.units

    @property
    def layer(self) -> str:
        """The layer in words."""
        return several(self.units, "gated unit")


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
