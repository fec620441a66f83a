"""The one-layer attention-only transformer and its forward pass."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from attncap.models.attend import Array, attend, combine, project
from attncap.models.precision import computing, storage
from attncap.numerics.memory import chunks
from attncap.result import Result, hidden


@dataclass(frozen=True)
class AttentionOnlyTransformer(Result):
    r"""One layer of attention and a skip connection, nothing else.

    $$\ell(t) = W_U\Big(x_S + \sum_{h=1}^H W_O^h W_V^h \sum_{s=1}^S a^h_s x_s\Big), \qquad x_s = e(t_s) + p_s$$

    with the weights $a^h$ of `attend`. Letters: $N$ tokens, $S$ positions, $d$ embedding dimensions, $H$ heads
    of $d_h$ dimensions.

    Attributes:
        embedding: $e$, (N, d).
        position: $p$, (S, d).
        query: $W_Q$, (H, r, d); r is the rank of the scores $W_Q^\top W_K$, at most $d_h$.
        key: $W_K$, (H, r, d).
        value: $W_V$, (H, dh, d).
        output: $W_O$, (H, d, dh).
        unembedding: $W_U$, (N, d).
        score_scale: multiplies the attention scores.
        residual_position: whether the skip connection carries $x_S$ (True) or only $e(t_S)$.

    Source: Dana, Pydi, Chevaleyre 2025, "Memorization in Attention-only Transformers" (arXiv 2411.10115), section 3.
    """

    embedding: Float[Array, "N d"] = hidden()
    position: Float[Array, "S d"] = hidden()
    query: Float[Array, "H r d"] = hidden()
    key: Float[Array, "H r d"] = hidden()
    value: Float[Array, "H dh d"] = hidden()
    output: Float[Array, "H d dh"] = hidden()
    unembedding: Float[Array, "N d"] = hidden()
    score_scale: float = 1.0
    residual_position: bool = True

    @property
    def vocabulary_size(self) -> int:
        """$N$."""
        return self.embedding.shape[0]

    @property
    def context(self) -> int:
        """$S$."""
        return self.position.shape[0]

    @property
    def embedding_dim(self) -> int:
        """$d$."""
        return self.embedding.shape[1]

    @property
    def heads(self) -> int:
        """$H$."""
        return self.query.shape[0]

    @property
    def head_dim(self) -> int:
        """$d_h$."""
        return self.value.shape[1]

    @property
    def query_key_rank(self) -> int:
        """The dimension $r$ of queries and keys: $d_h$ unless it was chosen smaller."""
        return self.query.shape[-2]

    @property
    def dtype(self) -> str:
        """Name of the type that the weights are stored in."""
        return self.embedding.dtype.name

    def tensors(self) -> dict[str, Array]:
        """Return the weights by name."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.metadata.get("hidden")}

    @cached_property
    def parameters(self) -> dict[str, int]:
        """Free parameters by part: embeddings, attention scores (W_QK), attention values (W_OV), unembedding."""
        sizes = {name: int(tensor.size) for name, tensor in self.tensors().items()}
        return {
            "embedding": sizes["embedding"] + sizes["position"],
            "query_key": sizes["query"] + sizes["key"],
            "output_value": sizes["output"] + sizes["value"],
            "unembedding": sizes["unembedding"],
            "total": sum(sizes.values()),
        }

    def astype(self, dtype: str) -> "AttentionOnlyTransformer":
        """Round the weights to float64, float32 or bfloat16."""
        kind = storage(dtype)
        return dataclasses.replace(self, **{name: tensor.astype(kind) for name, tensor in self.tensors().items()})

    def save(self, path: str | Path, metadata: Mapping[str, Any] | None = None) -> Path:
        """Write the weight file: see `attncap.models.save`."""
        from attncap.models.weights import save

        return save(self, path, metadata)

    def inputs(self, sequences: Int[Array, "T S"]) -> Float[Array, "T S d"]:
        """Return the token-position vectors $x_s$."""
        return self.embedding[sequences] + self.position

    def skip(self, sequences: Int[Array, "T S"]) -> Float[Array, "T d"]:
        """Return what the skip connection carries: $x_S$, or $e(t_S)$ without ``residual_position``."""
        last = self.embedding[sequences[:, -1]]
        return last + self.position[-1] if self.residual_position else last

    def values(self, sequences: Int[Array, "T S"]) -> Float[Array, "T Hdh"]:
        r"""Return $W_V^h \bar x^h$ of all heads side by side: what the output matrices combine linearly."""
        return project(attend(self.inputs(sequences), self.query, self.key, self.score_scale), self.value)

    def encode(self, sequences: Int[Array, "T S"]) -> Float[Array, "T d"]:
        """Return the representation that the unembedding reads."""
        return self.skip(sequences) + combine(self.values(sequences), self.output)

    def forward(self, sequences: Int[Array, "T S"]) -> Float[Array, "T N"]:
        """Return the logits of every token after each sequence, in one piece."""
        return self.encode(sequences) @ self.unembedding.T

    def row_bytes(self) -> int:
        """Return about how many bytes `values` and `forward` take a sequence."""
        head = 4 * self.embedding_dim + 2 * self.head_dim + 3 * self.context
        floats = self.heads * head + 2 * self.context * self.embedding_dim + 3 * self.vocabulary_size
        return floats * computing(self.embedding.dtype).itemsize

    def ready(self) -> "AttentionOnlyTransformer":
        """Return the model in the type it computes in (bfloat16 weights in float32)."""
        kind = computing(self.embedding.dtype)
        if kind == self.embedding.dtype:
            return self
        return dataclasses.replace(self, **{name: tensor.astype(kind) for name, tensor in self.tensors().items()})

    def logits(self, sequences: Int[np.ndarray, "T S"]) -> Iterator[tuple[slice, Float[np.ndarray, "chunk N"]]]:
        """Yield the logits piece by piece, so that memory stays bounded whatever T and N are.

        Yields:
            The rows of ``sequences`` and their logits.
        """
        model = self.ready()
        for rows in chunks(len(sequences), model.row_bytes()):
            yield rows, model.forward(sequences[rows])
