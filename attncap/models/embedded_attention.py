"""One attention layer between a learned embedding and a decoder, as Mahdavi et al. train it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from attncap.errors import InputError
from attncap.models.attention import Array
from attncap.models.model import Model
from attncap.numerics.memory import chunks
from attncap.result import hidden

FLAGS = {"true": True, "false": False}


def softmax(scores: Float[Array, "T H S"]) -> Float[Array, "T H S"]:
    """Return the attention weights: the softmax of the scores."""
    xp = scores.__array_namespace__()
    raised = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    weights: Float[Array, "T H S"] = raised / xp.sum(raised, axis=-1, keepdims=True)
    return weights


@final
@dataclass(frozen=True)
class EmbeddedAttention(Model):
    r"""Attention of one query over its context, between a linear embedding and a linear decoder.

    $$z_0 = W e + b + p_0, \qquad z_s = W E_s + b + p_s, \qquad
    a^h = \operatorname{softmax}_{s \ge 1} \beta\, (W_Q^h z_0) \cdot (W_K^h z_s)$$
    $$f(E, e) = D \sum_{h=1}^H W_O^h W_V^h \sum_{s \ge 1} a^h_s z_s + c$$

    There is no skip connection. Of the $n + 1$ rows only the query's is read, so no other is computed; keys are folded
    into the query, and the embedding into both, which leaves one product with the contexts for the scores and one for
    the values, $W_V^h W E_s$.

    Attributes:
        embedding: $W$, (m, d).
        embedding_bias: $b$, (m).
        query: $W_Q$, (H, dh, m).
        key: $W_K$, (H, dh, m).
        value: $W_V$, (H, dv, m).
        output: $W_O$, (H, o, dv).
        decoder: $D$, (out, o).
        decoder_bias: $c$, (out).
        score_scale: $\beta$.
        positions: whether $p$ are the sinusoids of the original transformer, or zero.
        own_key: whether the query is one of its own keys, with score zero.
        score_cap: $c$ of scores $c \tanh(\text{score} / c)$; infinity leaves them as they are.

    Source: Mahdavi, Liao, Thrampoulidis 2024 (arXiv 2306.02010), section 5; their code at 34305e9, whose version
    fc29d30 has ``own_key``.
    """

    kind: ClassVar[str] = "embedded-mha"
    parts: ClassVar = {
        "embedding": ("embedding", "embedding_bias"),
        "query_key": ("query", "key"),
        "output_value": ("output", "value"),
        "decoder": ("decoder", "decoder_bias"),
    }

    embedding: Float[Array, "m d"] = hidden()
    embedding_bias: Float[Array, " m"] = hidden()
    query: Float[Array, "H dh m"] = hidden()
    key: Float[Array, "H dh m"] = hidden()
    value: Float[Array, "H dv m"] = hidden()
    output: Float[Array, "H o dv"] = hidden()
    decoder: Float[Array, "out o"] = hidden()
    decoder_bias: Float[Array, " out"] = hidden()
    score_scale: float = 1.0
    positions: bool = True
    own_key: bool = False
    score_cap: float = np.inf

    @property
    def cites(self) -> tuple[str, ...]:
        """The paper."""
        return ("mahdavi2024",)

    def forward(
        self,
        contexts: Float[Array, "T n d"] | Float[Array, "n d"],
        queries: Float[Array, "T d"],
        softmax: Callable[[Array], Array] = softmax,
    ) -> Float[Array, "T out"]:
        """Return the model's output for each example, in one piece.

        Args:
            contexts: one for each query, or one for all.
            queries: (T, d).
            softmax: another function for the weights, as `jax.nn.softmax`, whose derivative needs them only.
        """
        weights = softmax(self.scores(contexts, queries))
        return self.decode(self.averages(weights, contexts, queries))

    def scores(
        self, contexts: Float[Array, "T n d"] | Float[Array, "n d"], queries: Float[Array, "T d"]
    ) -> Float[Array, "T H S"]:
        """Return the scores of each example and head; with ``own_key`` the query comes first, S = n + 1; else S = n."""
        xp = self.query.__array_namespace__()
        first, added = self.added(contexts.shape[-2])
        asked = queries @ self.embedding.T + first
        asking = self.score_scale * xp.permute_dims(self.query, (0, 2, 1))

        def against(folded: Float[Array, "H m k"]) -> Float[Array, "T H k"]:
            """Multiply the embedded queries by the heads' matrices side by side."""
            wide = xp.permute_dims(folded, (1, 0, 2)).reshape(len(first), -1)
            return (asked @ wide).reshape(len(queries), self.heads, -1)

        if contexts.ndim == 2:
            tokens = contexts @ self.embedding.T + added
            scores = against(xp.matmul(asking, xp.matmul(self.key, tokens.T)))
        else:
            folded = xp.matmul(asking, self.key)
            scores = xp.matmul(against(xp.matmul(folded, self.embedding)), xp.permute_dims(contexts, (0, 2, 1)))
            scores = scores + against(xp.matmul(folded, added.T))
        if self.score_cap < np.inf:
            scores = self.score_cap * xp.tanh(scores / self.score_cap)
        return xp.concat([xp.zeros_like(scores[..., :1]), scores], axis=-1) if self.own_key else scores

    def averages(
        self,
        weights: Float[Array, "T H S"],
        contexts: Float[Array, "T n d"] | Float[Array, "n d"],
        queries: Float[Array, "T d"],
    ) -> Float[Array, "T H dv"]:
        r"""Return $W_V^h \sum_s a^h_s z_s$ for the weights $a$ that scores like these have."""
        xp = self.query.__array_namespace__()
        first, added = self.added(contexts.shape[-2])
        own, weights = (weights[..., :1], weights[..., 1:]) if self.own_key else (None, weights)
        if contexts.ndim == 2:
            tokens = contexts @ self.embedding.T + added
            mixed = xp.vecdot(weights[:, :, None], xp.matmul(self.value, tokens.T))
        else:
            # The average of the vectors is read, not the vectors: one product less on the way back.
            means = xp.matmul(weights, contexts)
            mixed = xp.vecdot(means[:, :, None], xp.matmul(self.value, self.embedding))
            mixed = mixed + xp.vecdot(weights[:, :, None], xp.matmul(self.value, added.T))
        if own is not None:
            asked = queries @ self.embedding.T + first
            mixed = mixed + own * (asked @ self.value.reshape(-1, len(first)).T).reshape(mixed.shape)
        return mixed

    def added(self, tokens: int) -> tuple[Float[Array, " m"], Float[Array, "n m"]]:
        """Return what the embedding adds to the query and to so many tokens: bias and position."""
        added = self.embedding_bias + self.places(tokens + 1)
        return added[0], added[1:]

    def decode(self, mixed: Float[Array, "T H dv"]) -> Float[Array, "T out"]:
        """Return what outputs and decoder make of the heads' averages of their values."""
        xp = mixed.__array_namespace__()
        joined = xp.permute_dims(self.output, (0, 2, 1)).reshape(-1, self.output.shape[1])
        return mixed.reshape(len(mixed), -1) @ joined @ self.decoder.T + self.decoder_bias

    def places(self, rows: int) -> Float[np.ndarray, "rows m"]:
        """Return the positions of the query and of the tokens after it, in the weights' type."""
        waves = sinusoids(rows, self.query.shape[-1])
        return (waves if self.positions else np.zeros_like(waves)).astype(self.query.dtype)

    def outputs(
        self, contexts: Float[np.ndarray, "T n d"], queries: Float[np.ndarray, "T d"]
    ) -> Iterator[tuple[slice, Float[np.ndarray, "chunk out"]]]:
        """Yield the outputs piece by piece, inputs rounded to the weights' type."""
        model = self.ready()
        kind, shared = model.query.dtype, contexts.strides[0] == 0
        d, n = self.sizes["d"], contexts.shape[1]
        row = 8 * (self.heads * (6 * n + 3 * d) + 2 * n * d)
        for rows in chunks(len(queries), row):
            own = contexts[0] if shared else contexts[rows]
            yield rows, model.forward(own.astype(kind, copy=False), queries[rows].astype(kind, copy=False))

    def header(self) -> dict[str, str]:
        """Return what a weight file must say beside the tensors."""
        flags = {name: str(getattr(self, name)).lower() for name in ("positions", "own_key")}
        return {name: repr(float(getattr(self, name))) for name in ("score_scale", "score_cap")} | flags

    @classmethod
    def options(cls, path: Path, header: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Read score_scale, score_cap, positions and own_key."""
        try:
            scale, cap = (float(header.get(name, "")) for name in ("score_scale", "score_cap"))
        except ValueError:
            scale = cap = float("nan")
        flags = {name: FLAGS.get(header.get(name, "")) for name in ("positions", "own_key")}
        if not np.isfinite(scale) or not cap > 0 or None in flags.values():
            wanted = "a finite score_scale, a positive score_cap, and positions and own_key of true or false"
            raise InputError(f"{path}: expected {wanted} in its header")
        return {"score_scale": scale, "score_cap": cap, **flags}


@lru_cache
def sinusoids(rows: int, dim: int) -> Float[np.ndarray, "rows dim"]:
    r"""Return $p_{s, 2i} = \sin(s / 10000^{2i/d})$ and $p_{s, 2i+1} = \cos(s / 10000^{2i/d})$.

    Example:
        >>> sinusoids(2, 4).round(4).tolist()
        [[0.0, 1.0, 0.0, 1.0], [0.8415, 0.5403, 0.01, 1.0]]

    Source: Vaswani et al. 2017, "Attention Is All You Need" (arXiv 1706.03762), section 3.5.
    """
    angle = np.arange(rows)[:, None] / 10000.0 ** (np.arange(dim)[None] // 2 * 2 / dim)
    return np.where(np.arange(dim) % 2, np.cos(angle), np.sin(angle))
