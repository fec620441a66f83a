"""The one-layer attention-only transformer and its forward pass."""

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float, Int

from attncap.models.attention import Array, attend, head_parts, project, stacked, unstacked
from attncap.models.token_model import TokenModel
from attncap.result import hidden


@final
@dataclass(frozen=True)
class AttentionOnlyTransformer(TokenModel):
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

    kind: ClassVar[str] = "aot"

    embedding: Float[Array, "N d"] = hidden()
    position: Float[Array, "S d"] = hidden()
    query: Float[Array, "H r d"] = hidden()
    key: Float[Array, "H r d"] = hidden()
    value: Float[Array, "H dh d"] = hidden()
    output: Float[Array, "H d dh"] = hidden()
    unembedding: Float[Array, "N d"] = hidden()
    score_scale: float = 1.0
    residual_position: bool = True
    embedding_rows: Int[np.ndarray, " read"] | None = hidden(default=None, kw_only=True)
    unembedding_rows: Int[np.ndarray, " answered"] | None = hidden(default=None, kw_only=True)
    int8: bool = hidden(default=False, kw_only=True)

    def skip(self, sequences: Int[Array, "T S"]) -> Float[Array, "T d"]:
        """Return what the skip connection carries: $x_S$, or $e(t_S)$ without ``residual_position``."""
        last = self.embedding[sequences[:, -1]]
        return last + self.position[-1] if self.residual_position else last

    def values(self, sequences: Int[Array, "T S"]) -> Float[Array, "T Hdh"]:
        r"""Return $W_V^h \bar x^h$ of all heads side by side: what the output matrices combine linearly."""
        return project(attend(self.inputs(sequences), self.query, self.key, self.score_scale), self.value)

    def split(self, sequences: Int[Array, "T S"]) -> tuple[Float[Array, "T d"], Float[Array, "T Hdh"]]:
        """Return what the skip connection carries, and the heads' values."""
        return self.skip(sequences), self.values(sequences)

    def parts_of(self, sequences: Int[Array, "T S"]) -> dict[str, Float[Array, "T d"]]:
        """Return what the skip connection and each head add to the encoding."""
        carried, values = self.split(sequences)
        return {"skip": carried, **head_parts(values, self.output)}

    @property
    def readout(self) -> Float[Array, "Hdh d"]:
        r"""The output matrices $W_O^h$ below each other, transposed."""
        return stacked(self.output)

    def with_readout(self, readout: Float[Array, "Hdh d"]) -> "AttentionOnlyTransformer":
        """Return the model with other output matrices."""
        return replace(self, output=unstacked(readout, self.output))
