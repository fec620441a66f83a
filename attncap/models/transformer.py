"""The transformer of several layers, each of attention and a perceptron."""

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float, Int

from attncap.models.attention import Array, attend, combine, head_parts, project, stacked, unstacked
from attncap.models.precision import computing
from attncap.models.token_model import TokenModel
from attncap.result import hidden


def gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""Return $\tfrac x2 (1 + \tanh(\sqrt{2/\pi}(x + 0.044715 x^3)))$, GELU within $5 \cdot 10^{-4}$."""
    xp = x.__array_namespace__()
    return 0.5 * x * (1 + xp.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))


@final
@dataclass(frozen=True)
class Transformer(TokenModel):
    r"""$L$ layers of causal attention and, where ``up`` has rows, a GELU perceptron of $w$ units.

    $$x_s \leftarrow x_s + \sum_h W_O^{lh} W_V^{lh} \bar x^{lh}_s, \qquad
      x_s \leftarrow x_s + W_2^l \operatorname{gelu}(W_1^l x_s + b^l)$$

    No other biases and no normalization; with one layer and no units it is the `AttentionOnlyTransformer`. Without
    ``residual_position`` the positions are added where a layer's attention reads, and nowhere else.

    Attributes:
        embedding: $e$, (N, d).
        position: $p$, (S, d).
        query: $W_Q$, (L, H, r, d).
        key: $W_K$, (L, H, r, d).
        value: $W_V$, (L, H, dh, d).
        output: $W_O$, (L, H, d, dh).
        unembedding: $W_U$, (N, d).
        up: $W_1$, (L, w, d).
        bias: $b$, (L, w).
        down: $W_2$, (L, d, w).
        score_scale: multiplies the attention scores.
        residual_position: whether the residual stream carries the positions.

    Source: Dana, Pydi, Chevaleyre 2025 (arXiv 2411.10115), the experiments on MLP transformers and on depth.
    """

    kind: ClassVar[str] = "transformer"
    parts: ClassVar = TokenModel.parts | {"perceptron": ("up", "bias", "down")}
    empty: ClassVar[str] = "w"

    embedding: Float[Array, "N d"] = hidden()
    position: Float[Array, "S d"] = hidden()
    query: Float[Array, "L H r d"] = hidden()
    key: Float[Array, "L H r d"] = hidden()
    value: Float[Array, "L H dh d"] = hidden()
    output: Float[Array, "L H d dh"] = hidden()
    unembedding: Float[Array, "N d"] = hidden()
    up: Float[Array, "L w d"] = hidden(kw_only=True)
    bias: Float[Array, "L w"] = hidden(kw_only=True)
    down: Float[Array, "L d w"] = hidden(kw_only=True)
    score_scale: float = 1.0
    residual_position: bool = True
    embedding_rows: Int[np.ndarray, " read"] | None = hidden(default=None, kw_only=True)
    unembedding_rows: Int[np.ndarray, " answered"] | None = hidden(default=None, kw_only=True)
    int8: bool = hidden(default=False, kw_only=True)

    @property
    def depth(self) -> int:
        """$L$."""
        return self.query.shape[0]

    @property
    def width(self) -> int:
        """$w$."""
        return self.up.shape[1]

    def split(self, sequences: Int[Array, "T S"]) -> tuple[Float[Array, "T d"], Float[Array, "T F"]]:
        """Return the residual stream before the last perceptron and its units, or before the last heads and values."""
        x = self.inputs(sequences) if self.residual_position else self.embedding[sequences]
        last = self.depth - 1
        for layer in range(last):
            # The layers above read every position; the unembedding reads the last.
            mixed = [combine(self._values(x, layer, s), self.output[layer]) for s in range(self.context)]
            x = x + x.__array_namespace__().stack(mixed, axis=1)
            x = self.perceptron(layer, x) if self.width else x
        carried, values = x[:, -1], self._values(x, last, self.context - 1)
        if not self.width:
            return carried, values
        carried = carried + combine(values, self.output[last])
        return carried, self.units(last, carried)

    def parts_of(self, sequences: Int[Array, "T S"]) -> dict[str, Float[Array, "T d"]]:
        """Return what the embedding, each head and each perceptron add at the last position."""
        x = self.inputs(sequences) if self.residual_position else self.embedding[sequences]
        found = {"skip": x[:, -1]}
        for layer in range(self.depth):
            values = [self._values(x, layer, s) for s in range(self.context)]
            heads = head_parts(values[-1], self.output[layer])
            found |= {f"layer {layer + 1} {name}": part for name, part in heads.items()}
            x = x + x.__array_namespace__().stack([combine(each, self.output[layer]) for each in values], axis=1)
            if self.width:
                added = self.perceptron(layer, x)
                found[f"layer {layer + 1} perceptron"] = (added - x)[:, -1]
                x = added
        return found

    @property
    def readout(self) -> Float[Array, "F d"]:
        r"""$W_2$ of the last perceptron, transposed; without units the last output matrices."""
        return self.down[-1].T if self.width else stacked(self.output[-1])

    def with_readout(self, readout: Float[Array, "F d"]) -> "Transformer":
        """Return the model with another last linear map."""
        xp = readout.__array_namespace__()
        name, last = ("down", readout.T) if self.width else ("output", unstacked(readout, self.output[-1]))
        return replace(self, **{name: xp.concat([getattr(self, name)[:-1], last[None]])})

    def _values(self, x: Float[Array, "T S d"], layer: int, last: int) -> Float[Array, "T Hdh"]:
        """Return what a layer's heads read at one position, side by side."""
        inputs = x if self.residual_position else x + self.position
        averaged = attend(inputs[:, : last + 1], self.query[layer], self.key[layer], self.score_scale)
        return project(averaged, self.value[layer])

    def perceptron(self, layer: int, x: Float[Array, "*rows d"]) -> Float[Array, "*rows d"]:
        """Return what a layer's perceptron and the skip connection around it make of vectors."""
        return x + x.__array_namespace__().matmul(self.units(layer, x), self.down[layer].T)

    def units(self, layer: int, x: Float[Array, "*rows d"]) -> Float[Array, "*rows w"]:
        """Return the units of a layer's perceptron."""
        xp = x.__array_namespace__()
        return gelu(xp.matmul(x, self.up[layer].T) + self.bias[layer])

    def row_bytes(self) -> int:
        """Return about how many bytes `forward` takes a sequence."""
        perceptron = 4 * self.width * computing(self.query.dtype).itemsize
        return self.context * (super().row_bytes() + perceptron)
