"""The shape of a layer to train on examples, and the weights that a training run starts from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from attncap.constraints import Count, Positive, check_fields
from attncap.models import EmbeddedAttention
from attncap.result import several
from attncap.train.loop.problem import Tensors


@dataclass(frozen=True)
class LayerArchitecture:
    r"""Sizes of an attention layer on examples, and what the paper's model has that one may leave out.

    Attributes:
        context: $n$.
        embedding_dim: $d$, of the vectors and of their embedding.
        head_dim: $d_h$.
        heads: $H$.
        output_dim: classes, or dimensions of a real label.
        value_dim: $d_v$ of each head.
        score_scale: $\beta$; $1/\sqrt d$ by default, whatever $d_h$ is.
        score_cap: see `attncap.models.EmbeddedAttention`, as are the two that follow.
        positions: whether the embedding adds positions.
        own_key: whether the query attends to itself.
        embed: whether there is an embedding; else heads read the vectors.
        decode: whether there is a decoder; else heads write the output.

    Raises:
        InputError: a size below one.
    """

    context: Count
    embedding_dim: Count
    head_dim: Count
    heads: Count
    output_dim: Count
    value_dim: Count = 1
    score_scale: Positive | None = None
    score_cap: Positive | None = None
    positions: bool = True
    own_key: bool = False
    embed: bool = True
    decode: bool = True

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def summary(self) -> str:
        """The sizes, in words."""
        values = f" and values of {self.value_dim}" if self.value_dim != 1 else ""
        return f"{several(self.heads, 'head')} of {self.head_dim}{values}, embedding dimension {self.embedding_dim}"

    @property
    def options(self) -> dict[str, Any]:
        """What the model takes beside its tensors."""
        scale = float(self.embedding_dim**-0.5) if self.score_scale is None else float(self.score_scale)
        cap = np.inf if self.score_cap is None else float(self.score_cap)
        return {"score_scale": scale, "score_cap": cap, "positions": self.positions, "own_key": self.own_key}

    @property
    def fixed(self) -> Tensors:
        """The tensors of parts that are left out: identities, and biases of zero."""
        tensors: Tensors = {}
        for part, missing, size in (
            ("embedding", not self.embed, self.embedding_dim),
            ("decoder", not self.decode, self.output_dim),
        ):
            if missing:
                tensors[part] = np.eye(size, dtype=np.float32)
                tensors[f"{part}_bias"] = np.zeros(size, dtype=np.float32)
        return tensors

    def initial(self, rng: np.random.Generator) -> Tensors:
        r"""Draw the weights that training starts from.

        Each head's $W_Q$, $W_K$, $W_V$ and the heads' $W_O$ side by side are uniform in $\pm\sqrt{6/(a + b)}$ for
        $a \times b$ matrices (Xavier), embedding and decoder with their biases in $\pm 1/\sqrt{\text{fan-in}}$.
        """
        d, dh, heads, values = self.embedding_dim, self.head_dim, self.heads, self.value_dim
        inside = d if self.decode else self.output_dim

        def draw(bound: float, *size: int) -> Float[np.ndarray, "..."]:
            return rng.uniform(-bound, bound, size).astype(np.float32)

        tensors = {
            "embedding": draw(d**-0.5, d, d),
            "embedding_bias": draw(d**-0.5, d),
            "query": draw((6 / (d + dh)) ** 0.5, heads, dh, d),
            "key": draw((6 / (d + dh)) ** 0.5, heads, dh, d),
            "value": draw((6 / (d + values)) ** 0.5, heads, values, d),
            "output": draw((6 / (heads * values + inside)) ** 0.5, heads, inside, values),
            "decoder": draw(inside**-0.5, self.output_dim, inside),
            "decoder_bias": draw(inside**-0.5, self.output_dim),
        }
        return {name: tensor for name, tensor in tensors.items() if name not in self.fixed}

    def model(self, tensors: Tensors) -> EmbeddedAttention:
        """Return the model of trained tensors (NumPy's or JAX's)."""
        fixed = {name: tensor.astype(tensors["query"].dtype) for name, tensor in self.fixed.items()}
        return EmbeddedAttention(**fixed, **tensors, **self.options)
