"""What every model is: named tensors of one type whose sizes fit, in memory and in a file."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from attncap.errors import InputError
from attncap.models import weights
from attncap.models.attention import Array
from attncap.models.precision import INT8, computing, storage
from attncap.result import Result

M = TypeVar("M", bound="Model")


class Model(Result, ABC):
    """Named tensors of one floating-point type, and how they are cast, counted and written.

    A class of models is abstract, or final and a frozen dataclass whose hidden fields are its tensors.

    Attributes:
        kind: name of the class in weight files.
        parts: names of the tensors that each part consists of.
        empty: the letter of a size that may be zero.
        beside: hidden fields that are no tensors.

    Raises:
        InputError: a tensor of another type or size than the others.
    """

    kind: ClassVar[str]
    parts: ClassVar[dict[str, tuple[str, ...]]]
    empty: ClassVar[str] = ""
    beside: ClassVar[tuple[str, ...]] = ()
    query: Array
    key: Array
    value: Array
    output: Array

    def __post_init__(self) -> None:
        weights.sizes(type(self).__name__, self.tensors(), self.shapes(), self.empty)

    @classmethod
    def shapes(cls) -> dict[str, tuple[str, ...]]:
        """Return the letters of each tensor's sizes, as its annotation has them."""
        fields: Any = dataclasses.fields(cls)  # type: ignore[arg-type]
        named = (field for field in fields if field.metadata.get("hidden") and field.name not in cls.beside)
        return {field.name: tuple(field.type.dim_str.split()) for field in named}

    def tensors(self) -> dict[str, Array]:
        """Return the weights by name."""
        return {name: getattr(self, name) for name in self.shapes()}

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of the tensors by letter."""
        tensors = self.tensors()
        return {
            letter: size
            for name, letters in self.shapes().items()
            for letter, size in zip(letters, tensors[name].shape, strict=True)
        }

    @property
    def embedding_dim(self) -> int:
        """$d$."""
        return self.query.shape[-1]

    @property
    def heads(self) -> int:
        """$H$, of each layer."""
        return self.query.shape[-3]

    @property
    def head_dim(self) -> int:
        """$d_h$."""
        return self.query.shape[-2]

    @property
    def query_key_rank(self) -> int:
        """The dimension $r$ of queries and keys: $d_h$ unless it was chosen smaller."""
        return self.query.shape[-2]

    @property
    def dtype(self) -> str:
        """Name of the type that the weights are held in."""
        return self._held.name

    @property
    def _held(self) -> np.dtype:
        held: np.dtype = next(iter(self.tensors().values())).dtype
        return held

    @cached_property
    def parameters(self) -> dict[str, int]:
        """Free parameters by part, attention scores (W_QK) and values (W_OV) among them, and the total."""
        count = {name: int(tensor.size) for name, tensor in self._counted().items()}
        by_part = {part: sum(count[name] for name in names) for part, names in self.parts.items()}
        return by_part | {"total": sum(count.values())}

    def _counted(self) -> dict[str, Array]:
        """Return what counts as parameters."""
        return self.tensors()

    def stored(self) -> dict[str, np.ndarray]:
        """Return what a weight file stores."""
        return self.tensors()

    @property
    def bytes(self) -> int:
        """Bytes of what a weight file stores: tensors, scales and the index of rows."""
        return sum(tensor.nbytes for tensor in self.stored().values())

    def astype(self: M, dtype: str) -> M:
        """Round the weights to float64, float32, bfloat16 or, of a model over tokens, int8.

        Raises:
            InputError: another type.
        """
        if dtype == INT8:
            raise InputError("dtype", "a floating-point type for a model that is not over tokens", dtype)
        return self._cast(storage(dtype))

    def ready(self: M) -> M:
        """Return the model in the type it computes in (bfloat16 and int8 weights in float32)."""
        return self._cast(computing(self._held))

    def _cast(self: M, kind: np.dtype) -> M:
        if kind == self._held:
            return self
        cast: Any = {name: tensor.astype(kind) for name, tensor in self.tensors().items()}
        return dataclasses.replace(self, **cast)  # type: ignore[type-var]

    @abstractmethod
    def forward(self, *args: Any, **kwargs: Any) -> Array:
        """Return what the model answers to each input, in one piece."""

    def header(self) -> dict[str, str]:
        """Return what a weight file must say beside the tensors; `options` reads it."""
        return {}

    @classmethod
    def options(cls, path: Path, header: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Read from a weight file what its tensors do not say.

        Raises:
            InputError: the header lacks it, or contradicts the tensors.
        """
        return {}

    def save(self, path: str | Path, metadata: Mapping[str, Any] | None = None) -> Path:
        """Write the weights and what is needed to run them; `attncap.models.load` reads them.

        Args:
            path: a directory (the file is then model.safetensors in it) or a .safetensors file.
            metadata: what else to keep in the header (seed, method).

        Returns:
            The file written.

        Raises:
            InputError: metadata under a name that the format needs, or a path that cannot be written.
        """
        header = {"kind": self.kind, "dtype": self.dtype, **self.header()}
        return weights.write(path, self.stored(), header, metadata or {})

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON: kind, sizes by letter, type, parameters by part, and what the tensors do not say."""
        named = {"kind": self.kind, "sizes": self.sizes, "dtype": self.dtype, "parameters": self.parameters}
        return named | super().to_dict()

    def __repr__(self) -> str:
        sizes = ", ".join(f"{letter}={size}" for letter, size in self.sizes.items())
        return f"{type(self).__name__}({sizes}, {self.dtype}, {self.parameters['total']:,} parameters)"
