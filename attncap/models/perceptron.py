"""The perceptron over tokens, the peer of attention: gated units of the tokens' embeddings and a linear readout."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, final, get_args

import numpy as np
from jaxtyping import Float, Int

from attncap.errors import InputError
from attncap.models.attention import Array
from attncap.models.precision import computing
from attncap.models.token_model import TokenModel
from attncap.models.transformer import gelu
from attncap.result import hidden

ActivationName = Literal["gelu", "identity"]
ACTIVATIONS: tuple[ActivationName, ...] = get_args(ActivationName)


@final
@dataclass(frozen=True)
class Perceptron(TokenModel):
    r"""One hidden layer of $w$ gated units on the embeddings of all positions side by side, without biases.

    $$\ell(t) = W_U \sum_{j=1}^w v_j\, \sigma\Big(\sum_s g_{js} \cdot e(t_s)\Big) \sum_s u_{js} \cdot e(t_s)$$

    With $\sigma$ the identity the units are bilinear. Nothing is carried past the layer. Letters: $N$ tokens, $S$
    positions, $d$ embedding dimensions.

    Attributes:
        embedding: $e$, (N, d).
        gate: $g$, (w, S, d).
        up: $u$, (w, S, d).
        down: $v$, (d, w).
        unembedding: $W_U$, (N, d).
        activation: $\sigma$, "gelu" or "identity".

    Source: the gated perceptrons of "MLPs are Hebbians" (arXiv 2607.10034), here over sequences.
    """

    kind: ClassVar[str] = "perceptron"
    parts: ClassVar = {
        "embedding": ("embedding",),
        "perceptron": ("gate", "up", "down"),
        "unembedding": ("unembedding",),
    }
    carries: ClassVar[bool] = False
    # It has none.
    heads: ClassVar[int] = 0
    head_dim: ClassVar[int] = 0
    query_key_rank: ClassVar[int] = 0

    embedding: Float[Array, "N d"] = hidden()
    gate: Float[Array, "w S d"] = hidden()
    up: Float[Array, "w S d"] = hidden()
    down: Float[Array, "d w"] = hidden()
    unembedding: Float[Array, "N d"] = hidden()
    activation: str = "gelu"
    embedding_rows: Int[np.ndarray, " read"] | None = hidden(default=None, kw_only=True)
    unembedding_rows: Int[np.ndarray, " answered"] | None = hidden(default=None, kw_only=True)
    int8: bool = hidden(default=False, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation not in ACTIVATIONS:
            raise InputError("activation", " or ".join(ACTIVATIONS), self.activation)

    @property
    def cites(self) -> tuple[str, ...]:
        """The paper of constructed perceptrons."""
        return ("hebbian2026",)

    @property
    def embedding_dim(self) -> int:
        """$d$."""
        return self.embedding.shape[1]

    @property
    def context(self) -> int:
        """$S$."""
        return self.gate.shape[1]

    @property
    def units(self) -> int:
        """$w$."""
        return self.gate.shape[0]

    def inputs(self, sequences: Int[Array, "T S"]) -> Float[Array, "T S d"]:
        """Return the embeddings of the tokens; where one stands its weights know."""
        return self.embedding[sequences]

    def features(self, sequences: Int[Array, "T S"]) -> Float[Array, "T w"]:
        """Return the units."""
        flat = (self.units, self.context * self.embedding_dim)
        x = self.inputs(sequences).reshape(len(sequences), flat[1])
        gate = x @ self.gate.reshape(flat).T
        return (gelu(gate) if self.activation == "gelu" else gate) * (x @ self.up.reshape(flat).T)

    def split(self, sequences: Int[Array, "T S"]) -> tuple[Float[Array, "T d"], Float[Array, "T w"]]:
        """Return nothing that is carried past the layer, and the units."""
        units = self.features(sequences)
        return units.__array_namespace__().zeros((len(units), self.embedding_dim), dtype=units.dtype), units

    def parts_of(self, sequences: Int[Array, "T S"]) -> dict[str, Float[Array, "T d"]]:
        """Return what each unit adds to the encoding."""
        units = self.features(sequences)
        return {f"unit {j + 1}": units[:, j, None] * self.down[:, j] for j in range(self.units)}

    @property
    def readout(self) -> Float[Array, "w d"]:
        """$v$, transposed."""
        return self.down.T

    def with_readout(self, readout: Float[Array, "w d"]) -> "Perceptron":
        """Return the model with other output vectors."""
        return replace(self, down=readout.__array_namespace__().asarray(readout.T, copy=True))

    def row_bytes(self) -> int:
        """Return about how many bytes `forward` takes a sequence."""
        floats = (self.context + 2) * self.embedding_dim + 4 * self.units + 3 * self.vocabulary_size
        return floats * computing(self.embedding.dtype).itemsize

    def header(self) -> dict[str, str]:
        """Return what a weight file must say beside the tensors."""
        return {"activation": self.activation} | self._table_header()

    @classmethod
    def options(cls, path: Path, header: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Read the activation, and hold the context to the weights."""
        activation, context = header.get("activation"), tensors["gate"].shape[1]
        if activation not in ACTIVATIONS:
            raise InputError(f"{path}: its header lacks an activation of {' or '.join(ACTIVATIONS)}")
        if header.get("context") != str(context):
            raise InputError(
                f"{path}: its header says context {header.get('context')!r}; gate reads {context} positions"
            )
        return {"activation": activation}
