"""One multi-head attention layer without skip connection."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float

from attncap.models.attention import Array, attend
from attncap.models.model import Model
from attncap.numerics.memory import chunks
from attncap.result import hidden


@final
@dataclass(frozen=True)
class AttentionLayer(Model):
    r"""Attention of one query over a context, read out linearly.

    $$f(E, e) = \sum_{h=1}^H W_O^h W_V^h E^\top \operatorname{softmax}\big(E {W_K^h}^\top W_Q^h e\big)$$

    Letters: context $E \in \mathbb R^{n \times d}$, query $e \in \mathbb R^d$, $H$ heads, $d_h$ dimensions of the
    scores, $d_v$ of the values, $d_{out}$ of the label.

    Attributes:
        query: $W_Q$, (H, dh, d).
        key: $W_K$, (H, dh, d).
        value: $W_V$, (H, dv, d).
        output: $W_O$, (H, out, dv).

    Source: Mahdavi, Liao, Thrampoulidis 2024, "Memorization Capacity of Multi-Head Attention in Transformers"
    (arXiv 2306.02010), section 2.
    """

    kind: ClassVar[str] = "mha"
    parts: ClassVar = {"query_key": ("query", "key"), "output_value": ("output", "value")}

    query: Float[Array, "H dh d"] = hidden()
    key: Float[Array, "H dh d"] = hidden()
    value: Float[Array, "H dv d"] = hidden()
    output: Float[Array, "H out dv"] = hidden()

    @property
    def cites(self) -> tuple[str, ...]:
        """The paper."""
        return ("mahdavi2024",)

    def forward(self, contexts: Float[Array, "T n d"], queries: Float[Array, "T d"]) -> Float[Array, "T out"]:
        """Return the layer's output for each example, in one piece."""
        xp = self.query.__array_namespace__()
        averaged = xp.permute_dims(attend(contexts, self.query, self.key, asking=queries), (1, 0, 2))
        values = xp.matmul(averaged, xp.permute_dims(self.value, (0, 2, 1)))
        return xp.sum(xp.matmul(values, xp.permute_dims(self.output, (0, 2, 1))), axis=0)

    def outputs(
        self, contexts: Float[np.ndarray, "T n d"], queries: Float[np.ndarray, "T d"]
    ) -> Iterator[tuple[slice, Float[np.ndarray, "chunk out"]]]:
        """Yield the outputs piece by piece, inputs rounded to the weights' type."""
        layer = self.ready()
        kind = layer.query.dtype
        for rows in chunks(len(queries), row_bytes(self.query, contexts.shape[1])):
            yield rows, layer.forward(contexts[rows].astype(kind, copy=False), queries[rows].astype(kind, copy=False))


def row_bytes(query: Float[Array, "H dh d"], context: int) -> int:
    """Return about how many bytes attention takes an example."""
    heads, head_dim, dim = query.shape
    return 8 * (heads * (5 * dim + 2 * head_dim + 3 * context) + 2 * context * dim)
