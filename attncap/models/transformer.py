"""The transformer of several layers, each of attention and a perceptron."""

from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float, Int

from attncap.models.attend import Array, attend, combine, project
from attncap.models.attention_only import AttentionOnlyTransformer
from attncap.models.precision import computing
from attncap.result import hidden


def gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""Return $\tfrac x2 (1 + \tanh(\sqrt{2/\pi}(x + 0.044715 x^3)))$, GELU within $5 \cdot 10^{-4}$."""
    xp = x.__array_namespace__()
    return 0.5 * x * (1 + xp.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))


@dataclass(frozen=True)
class Transformer(AttentionOnlyTransformer):
    r"""$L$ layers of causal attention and, where ``up`` has rows, a GELU perceptron of $w$ units.

    $$x_s \leftarrow x_s + \sum_h W_O^{lh} W_V^{lh} \bar x^{lh}_s, \qquad
      x_s \leftarrow x_s + W_2^l \operatorname{gelu}(W_1^l x_s + b^l)$$

    No other biases and no normalization; with one layer and no units it is the `AttentionOnlyTransformer`. Without
    ``residual_position`` the positions are added where a layer's attention reads, and nowhere else.

    Attributes:
        query: $W_Q$, (L, H, r, d); key, value and output likewise.
        up: $W_1$, (L, w, d).
        bias: $b$, (L, w).
        down: $W_2$, (L, d, w).

    Source: Dana, Pydi, Chevaleyre 2025 (arXiv 2411.10115), the experiments on MLP transformers and on depth.
    """

    query: Float[Array, "L H r d"] = hidden()
    key: Float[Array, "L H r d"] = hidden()
    value: Float[Array, "L H dh d"] = hidden()
    output: Float[Array, "L H d dh"] = hidden()
    up: Float[Array, "L w d"] = hidden(kw_only=True)
    bias: Float[Array, "L w"] = hidden(kw_only=True)
    down: Float[Array, "L d w"] = hidden(kw_only=True)

    @property
    def depth(self) -> int:
        """$L$."""
        return self.query.shape[0]

    @property
    def heads(self) -> int:
        """$H$, of each layer."""
        return self.query.shape[1]

    @property
    def head_dim(self) -> int:
        """$d_h$."""
        return self.value.shape[2]

    @property
    def width(self) -> int:
        """$w$."""
        return self.up.shape[1]

    @cached_property
    def parameters(self) -> dict[str, int]:
        """Free parameters by part: those of the attention-only transformer, and the perceptrons."""
        units = int(self.up.size + self.bias.size + self.down.size)
        attention = {name: size for name, size in super().parameters.items() if name != "total"}
        return {**attention, "perceptron": units, "total": sum(attention.values()) + units}

    def encode(self, sequences: Int[Array, "T S"]) -> Float[Array, "T d"]:
        """Return the representation that the unembedding reads."""
        x = self.inputs(sequences) if self.residual_position else self.embedding[sequences]
        for layer in range(self.depth):
            # Later layers read every position; the unembedding reads the last.
            first = self.context - 1 if layer == self.depth - 1 else 0
            x = self._layer(x, layer, first)
        return x[:, -1]

    def _layer(self, x: Float[Array, "T S d"], layer: int, first: int) -> Float[Array, "T read d"]:
        """Run one layer at the positions from ``first`` on."""
        xp = x.__array_namespace__()
        inputs = x if self.residual_position else x + self.position
        heads = [
            attend(inputs[:, : s + 1], self.query[layer], self.key[layer], self.score_scale)
            for s in range(first, self.context)
        ]
        mixed = [combine(project(averaged, self.value[layer]), self.output[layer]) for averaged in heads]
        x = x[:, first:] + xp.stack(mixed, axis=1)
        return self.perceptron(layer, x) if self.width else x

    def perceptron(self, layer: int, x: Float[Array, "*rows d"]) -> Float[Array, "*rows d"]:
        """Return what a layer's perceptron and the skip connection around it make of vectors."""
        xp = x.__array_namespace__()
        return x + xp.matmul(gelu(xp.matmul(x, self.up[layer].T) + self.bias[layer]), self.down[layer].T)

    def values(self, sequences: Int[Array, "T S"]) -> Float[Array, "T Hdh"]:
        """Raise: only one layer of attention has value outputs that the logits are linear in."""
        raise NotImplementedError("the logits of a Transformer are not linear in the value outputs of its heads")

    def row_bytes(self) -> int:
        """Return about how many bytes `forward` takes a sequence."""
        attention = super().row_bytes() * self.context
        return attention + 4 * self.context * self.width * computing(self.embedding.dtype).itemsize
