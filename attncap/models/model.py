"""What every model is: named tensors of one type whose sizes fit, in memory and in a file; and a model over tokens."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from jaxtyping import Float, Int

from attncap.errors import InputError
from attncap.models import weights
from attncap.models.attention import Array
from attncap.models.precision import computing, storage
from attncap.numerics.memory import chunks
from attncap.result import Result

M = TypeVar("M", bound="Model")
TM = TypeVar("TM", bound="TokenModel")


class Model(Result, ABC):
    """Named tensors of one floating-point type, and how they are cast, counted and written.

    A class of models is abstract, or final and a frozen dataclass whose hidden fields are its tensors.

    Attributes:
        kind: name of the class in weight files.
        parts: names of the tensors that each part consists of.
        empty: the letter of a size that may be zero.

    Raises:
        InputError: a tensor of another type or size than the others.
    """

    kind: ClassVar[str]
    parts: ClassVar[dict[str, tuple[str, ...]]]
    empty: ClassVar[str] = ""
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
        return {field.name: tuple(field.type.dim_str.split()) for field in fields if field.metadata.get("hidden")}

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
        count = {name: int(tensor.size) for name, tensor in self.tensors().items()}
        by_part = {part: sum(count[name] for name in names) for part, names in self.parts.items()}
        return by_part | {"total": sum(count.values())}

    def astype(self: M, dtype: str) -> M:
        """Round the weights to float64, float32 or bfloat16.

        Raises:
            InputError: another type.
        """
        return self._cast(storage(dtype))

    def ready(self: M) -> M:
        """Return the model in the type it computes in (bfloat16 weights in float32)."""
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
        return weights.write(path, self.tensors(), header, metadata or {})

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON: kind, sizes by letter, type, parameters by part, and what the tensors do not say."""
        named = {"kind": self.kind, "sizes": self.sizes, "dtype": self.dtype, "parameters": self.parameters}
        return named | super().to_dict()

    def __repr__(self) -> str:
        sizes = ", ".join(f"{letter}={size}" for letter, size in self.sizes.items())
        return f"{type(self).__name__}({sizes}, {self.dtype}, {self.parameters['total']:,} parameters)"


class TokenModel(Model):
    r"""A model over sequences of tokens, all that a measure needs: $\ell(t) = W_U E(t)$ for an encoding $E$.

    Attributes:
        embedding: $e$, (N, d).
        position: $p$, (S, d).
        unembedding: $W_U$, (N, d).
        score_scale: multiplies the attention scores.
        residual_position: whether the skip connection carries $x_S$ (True) or only $e(t_S)$.
        carries: whether anything is carried past the last linear map.
    """

    carries: ClassVar[bool] = True
    parts: ClassVar[dict[str, tuple[str, ...]]] = {
        "embedding": ("embedding", "position"),
        "query_key": ("query", "key"),
        "output_value": ("output", "value"),
        "unembedding": ("unembedding",),
    }
    embedding: Array
    position: Array
    unembedding: Array
    score_scale: float
    residual_position: bool

    @property
    def cites(self) -> tuple[str, ...]:
        """The paper of attention over tokens."""
        return ("dana2025",)

    @property
    def vocabulary_size(self) -> int:
        """$N$."""
        return self.embedding.shape[0]

    @property
    def head_dim(self) -> int:
        """$d_h$."""
        return self.value.shape[-2]

    @property
    def context(self) -> int:
        """$S$."""
        return self.position.shape[0]

    def inputs(self, sequences: Int[Array, "T S"]) -> Float[Array, "T S d"]:
        """Return the token-position vectors $x_s$."""
        return self.embedding[sequences] + self.position

    @abstractmethod
    def split(self, sequences: Int[Array, "T S"]) -> tuple[Float[Array, "T d"], Float[Array, "T F"]]:
        r"""Split the encoding $c + Z W$ at the last linear map: what is carried past it, and the features it reads."""

    @property
    @abstractmethod
    def readout(self) -> Float[Array, "F d"]:
        """The last linear map $W$."""

    @abstractmethod
    def with_readout(self: TM, readout: Float[Array, "F d"]) -> TM:
        """Return the model with another last linear map."""

    @abstractmethod
    def parts_of(self, sequences: Int[Array, "T S"]) -> dict[str, Float[Array, "T d"]]:
        """Return what each part adds to the encoding, by name, in the order of the forward pass."""

    def encode(self, sequences: Int[Array, "T S"]) -> Float[Array, "T d"]:
        """Return the representation that the unembedding reads."""
        carried, features = self.split(sequences)
        return carried + features @ self.readout

    def row_bytes(self) -> int:
        """Return about how many bytes one layer at one position takes a sequence."""
        head = 4 * self.embedding_dim + 2 * self.head_dim + 3 * self.context
        floats = self.heads * head + 2 * self.context * self.embedding_dim + 3 * self.vocabulary_size
        return floats * computing(self.query.dtype).itemsize

    def forward(self, sequences: Int[Array, "T S"]) -> Float[Array, "T N"]:
        """Return the logits of every token after each sequence, in one piece.

        Raises:
            InputError: sequences of another length, or numbers that are no tokens.
        """
        self._check(sequences)
        return self.encode(sequences) @ self.unembedding.T

    def logits(self, sequences: Int[np.ndarray, "T S"]) -> Iterator[tuple[slice, Float[np.ndarray, "chunk N"]]]:
        """Yield the logits piece by piece, so that memory stays bounded whatever T and N are.

        Yields:
            The rows of ``sequences`` and their logits.
        """
        model = self.ready()
        for rows in chunks(len(sequences), model.row_bytes()):
            yield rows, model.forward(sequences[rows])

    def _check(self, sequences: Array) -> None:
        """Refuse what indexing and broadcasting would answer silently."""
        kind = getattr(getattr(sequences, "dtype", None), "kind", type(sequences).__name__)
        if kind not in ("i", "u"):
            raise InputError("sequences", "an array of whole numbers", sequences)
        if sequences.ndim != 2 or sequences.shape[1] != self.context:
            raise InputError(f"sequences: expected shape (T, S) with S = {self.context}, got {sequences.shape}")
        # Under JAX's tracing only the shape is known.
        if isinstance(sequences, np.ndarray) and sequences.size:
            wrong = [token for token in (sequences.min(), sequences.max()) if not 0 <= token < self.vocabulary_size]
            if wrong:
                raise InputError(f"sequences: expected tokens 0 to {self.vocabulary_size - 1}, got {wrong[0]}")

    def header(self) -> dict[str, str]:
        """Return what a weight file must say beside the tensors."""
        return {
            "score_scale": repr(self.score_scale),
            "residual_position": str(self.residual_position).lower(),
            "context": str(self.context),
        }

    @classmethod
    def options(cls, path: Path, header: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Read score_scale and residual_position, and hold the context to the rows of ``position``."""
        try:
            scale = float(header.get("score_scale", ""))
        except ValueError:
            scale = float("nan")
        residual, context = header.get("residual_position"), len(tensors["position"])
        if not np.isfinite(scale) or residual not in ("true", "false"):
            raise InputError(f"{path}: its header lacks a finite score_scale or a residual_position of true or false")
        if header.get("context") != str(context):
            raise InputError(f"{path}: its header says context {header.get('context')!r}; position has {context} rows")
        return {"score_scale": scale, "residual_position": residual == "true"}
