"""What every model over tokens is: an encoding of sequences, read by a row of logits for each token."""

import dataclasses
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from jaxtyping import Float, Int

from attncap.errors import InputError
from attncap.models.attention import Array
from attncap.models.layout import ROWED, ROWS, packed, rounded
from attncap.models.model import Model
from attncap.models.precision import INT8, computing
from attncap.numerics.memory import chunks

TM = TypeVar("TM", bound="TokenModel")


class TokenModel(Model):
    r"""A model over sequences of tokens, all that a measure needs: $\ell(t) = W_U E(t)$ for an encoding $E$.

    Attributes:
        embedding: $e$, (N, d).
        position: $p$, (S, d).
        unembedding: $W_U$, (N, d).
        score_scale: multiplies the attention scores.
        residual_position: whether the skip connection carries $x_S$ (True) or only $e(t_S)$.
        embedding_rows: the tokens that have a row of the embedding, in order; None for all. Others have zeros.
        unembedding_rows: the tokens that have a row of the unembedding; others are never answered, $\ell_v = -\infty$.
        int8: whether the weights are whole numbers times scales (`attncap.models.layout`), held in float32.
        carries: whether anything is carried past the last linear map.
    """

    carries: ClassVar[bool] = True
    beside: ClassVar = (*(name + ROWS for name in ROWED), INT8)
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
    embedding_rows: Int[np.ndarray, " read"] | None
    unembedding_rows: Int[np.ndarray, " answered"] | None
    int8: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, tokens in self._rows.items():
            if tokens is not None and np.delete(getattr(self, name), tokens, axis=0).any():
                raise InputError(f"{name}{ROWS}: expected zeros in the rows of {name} that it does not name")
        if self.int8 and any((tensor != rounded(name, tensor)).any() for name, tensor in self.tensors().items()):
            raise InputError("int8: expected whole numbers times scales; astype rounds to them")

    @property
    def _rows(self) -> dict[str, Int[np.ndarray, " n"] | None]:
        return {"embedding": self.embedding_rows, "unembedding": self.unembedding_rows}

    def in_rows(
        self: TM,
        embedding: Int[np.ndarray, " read"] | None = None,
        unembedding: Int[np.ndarray, " answered"] | None = None,
    ) -> TM:
        """Return the model with these rows only; with all where none are named, absent ones as zeros."""
        kept: dict[str, Any] = {}
        for name, tokens in (("embedding", embedding), ("unembedding", unembedding)):
            kept[name + ROWS] = None
            if tokens is not None and len(tokens) < self.vocabulary_size:
                kept[name + ROWS] = np.unique(tokens).astype(np.int64)
                kept[name] = np.zeros_like(getattr(self, name))
                kept[name][tokens] = getattr(self, name)[tokens]
        return dataclasses.replace(self, **kept)  # type: ignore[type-var]

    @property
    def readable(self) -> Int[np.ndarray, " n"]:
        """The tokens that have a row of the embedding."""
        return np.arange(self.vocabulary_size) if self.embedding_rows is None else self.embedding_rows

    @property
    def candidates(self) -> Int[np.ndarray, " n"]:
        """The tokens that have a row of the unembedding."""
        return np.arange(self.vocabulary_size) if self.unembedding_rows is None else self.unembedding_rows

    @cached_property
    def silence(self) -> Float[np.ndarray, " N"]:
        r"""What is added to the logits: 0, and $-\infty$ for tokens that are never answered."""
        bar = np.full(self.vocabulary_size, -np.inf, computing(self._held))
        bar[self.candidates] = 0.0
        return bar

    @property
    def dtype(self) -> str:
        """Name of the type that the weights are stored in."""
        return INT8 if self.int8 else super().dtype

    def _counted(self) -> dict[str, Array]:
        return {
            name: tensor if self._rows.get(name) is None else tensor[self._rows[name]]
            for name, tensor in self.tensors().items()
        }

    def stored(self) -> dict[str, np.ndarray]:
        """Return what a weight file stores: the rows that there are, and int8 as whole numbers and scales."""
        return packed(self.tensors(), self._rows, self.dtype)

    def astype(self: TM, dtype: str) -> TM:
        """Round the weights to float64, float32, bfloat16 or int8."""
        if dtype != INT8:
            return super().astype(dtype)
        tensors = self.astype("float64").tensors()
        whole: Any = {name: rounded(name, tensor).astype(np.float32) for name, tensor in tensors.items()}
        return dataclasses.replace(self, **whole, int8=True)  # type: ignore[type-var]

    def _cast(self: TM, kind: np.dtype) -> TM:
        plain = dataclasses.replace(self, int8=False) if self.int8 else self  # type: ignore[type-var]
        return super(TokenModel, plain)._cast(kind)

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
        return self.decode(self.encode(sequences))

    def decode(self, encodings: Float[Array, "T d"]) -> Float[Array, "T N"]:
        """Return the logits of every token, which are linear in an encoding."""
        logits = encodings @ self.unembedding.T
        return logits if self.unembedding_rows is None else logits + self.silence

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
        } | self._table_header()

    def _table_header(self) -> dict[str, str]:
        """Return the context and, where rows are left out, the vocabulary."""
        whole = all(rows is None for rows in self._rows.values())
        return {"context": str(self.context)} | ({} if whole else {"vocabulary": str(self.vocabulary_size)})

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
