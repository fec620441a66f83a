"""The shape of a model to train, and the weights that a training run starts from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from attncap.constraints import Count, Natural, check_fields
from attncap.models import AttentionOnlyTransformer, TokenModel, Transformer
from attncap.models.attention import Array
from attncap.result import several
from attncap.train.loop.problem import Tensors
from attncap.train.loop.recipes import Recipe

HEAD_BUCKETS = (1, 2, 4)
# Heads of all layers from which on "wide" differs from "paper".
MANY_HEADS = 12


@dataclass(frozen=True)
class Architecture:
    """Sizes of a transformer.

    Attributes:
        vocabulary: $N$.
        context: $S$.
        embedding_dim: $d$.
        head_dim: $d_h$.
        heads: $H$.
        depth: layers $L$.
        width: units $w$ of each layer's perceptron; none by default.

    Raises:
        InputError: a size below one, or a negative width.
    """

    vocabulary: Count
    context: Count
    embedding_dim: Count
    head_dim: Count
    heads: Count
    depth: Count = 1
    width: Natural = 0

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def summary(self) -> str:
        """The sizes of its layers, in words."""
        layers = f"{self.depth} layers of " if self.depth > 1 else ""
        units = f", perceptrons of {self.width}" if self.width else ""
        return (
            f"{layers}{several(self.heads, 'head')} of {self.head_dim}{units}, embedding dimension {self.embedding_dim}"
        )

    @property
    def head_bucket(self) -> int:
        """Heads of the compiled program that trains this shape: shapes of one bucket share it.

        Heads of zeros fill the bucket: their value and output being zero, so are their gradients, and they stay zero.
        """
        return next((b for b in HEAD_BUCKETS if b >= self.heads), -(-self.heads // 8) * 8)

    @property
    def quantities(self) -> dict[str, int]:
        """What the bounds of one layer of attention ask of a shape, by their names (`attncap.bounds.value`)."""
        return {name: size for name, size in vars(self).items() if name not in ("depth", "width")}

    @property
    def attention_only(self) -> bool:
        """Whether one layer of attention is all."""
        return self.depth == 1 and self.width == 0


def shares(recipe: Recipe, shape: Architecture) -> bool:
    """Whether all heads share one projection to head_dim dimensions and one back."""
    return recipe.shared_projection and shape.head_dim != shape.embedding_dim


def initial(recipe: Recipe, shape: Architecture, rng: np.random.Generator) -> Tensors:
    r"""Draw the weights that training starts from.

    "paper": the embedding and every projection uniform in $\pm 1/\sqrt{\text{fan-in}}$, queries, keys and values in
    $\pm\sqrt{6/(4 d_h)}$ (Xavier over the stacked $3 d_h \times d_h$ matrix of PyTorch's multi-head attention).
    "wide": the same; but from `MANY_HEADS` heads on, in all layers together, embeddings and positions are three times
    as wide, and queries, keys and outputs half: the skip connection starts stronger beside the heads' sum.

    Args:
        recipe: chooses the distribution.
        shape: the sizes.
        rng: of the draw.

    Returns:
        The tensors of the model, or the factors that `model` composes them of.
    """
    d, dh, heads, layers, width = shape.embedding_dim, shape.head_dim, shape.heads, shape.depth, shape.width
    inside = dh if shares(recipe, shape) else d
    wide = recipe.initialization == "wide" and layers * heads >= MANY_HEADS
    skip, sums = (3.0, 0.5) if wide else (1.0, 1.0)

    def draw(*size: int, fan_in: int, gain: float = 1.0) -> Float[np.ndarray, "..."]:
        return (gain * fan_in**-0.5 * rng.uniform(-1, 1, size)).astype(np.float32)

    xavier = (6 / 4 * inside / dh) ** 0.5
    tensors = {
        "embedding": draw(shape.vocabulary, d, fan_in=d, gain=skip),
        "position": draw(shape.context, inside, fan_in=inside, gain=skip),
        "query": draw(layers, heads, dh, inside, fan_in=inside, gain=sums * xavier),
        "key": draw(layers, heads, dh, inside, fan_in=inside, gain=sums * xavier),
        "value": draw(layers, heads, dh, inside, fan_in=inside, gain=xavier),
        "output": draw(layers, heads, inside, dh, fan_in=dh, gain=sums),
        "unembedding": draw(shape.vocabulary, d, fan_in=d),
    }
    if inside != d:
        tensors |= {"compression": draw(dh, d, fan_in=d), "decompression": draw(d, dh, fan_in=dh)}
    if not shape.attention_only:
        tensors |= {
            "up": draw(layers, width, d, fan_in=d),
            "bias": draw(layers, width, fan_in=d),
            "down": draw(layers, d, width, fan_in=max(width, 1)),
        }
    return tensors


def padded(tensors: Tensors, shape: Architecture) -> Tensors:
    """Fill the heads up to the bucket with zeros."""
    extra = shape.head_bucket - shape.heads
    widths = ((0, 0), (0, extra), (0, 0), (0, 0))
    return {name: np.pad(tensor, widths) if tensor.ndim == 4 else tensor for name, tensor in tensors.items()}


def trimmed(tensors: Tensors, shape: Architecture) -> Tensors:
    """Drop the heads that `padded` added."""
    return {name: tensor[:, : shape.heads] if tensor.ndim == 4 else tensor for name, tensor in tensors.items()}


def model(recipe: Recipe, shape: Architecture, tensors: Tensors) -> TokenModel:
    """Compose the model of trained tensors (NumPy's or JAX's)."""
    tensors = dict(tensors)
    options: dict[str, Any] = {
        "score_scale": float(shape.head_dim**-0.5),
        "residual_position": recipe.residual_position,
    }
    if "compression" in tensors:
        tensors = composed(tensors)
    if not shape.attention_only:
        return Transformer(**tensors, **options)
    heads = {name: tensor[0] for name, tensor in tensors.items() if tensor.ndim == 4}
    return AttentionOnlyTransformer(**{**tensors, **heads}, **options)


def composed(tensors: Tensors) -> Tensors:
    """Multiply shared projections into the heads.

    The positions, which live in d_h dimensions, take S dimensions of their own beside the d of the embedding.
    """
    xp = tensors["embedding"].__array_namespace__()
    compression, decompression = tensors.pop("compression"), tensors.pop("decompression")
    context = len(tensors["position"])
    before = xp.concat([compression, tensors["position"].T], axis=1)
    d = compression.shape[1]

    def widen(x: Array, rows: int) -> Array:
        return xp.concat([x, xp.zeros((rows, context), dtype=x.dtype)], axis=1)

    tensors["position"] = xp.concat(
        [xp.zeros((context, d), dtype=before.dtype), xp.eye(context, dtype=before.dtype)], axis=1
    )
    for name in ("embedding", "unembedding"):
        tensors[name] = widen(tensors[name], len(tensors[name]))
    for name in ("query", "key", "value"):
        tensors[name] = xp.matmul(tensors[name], before)
    after = widen(decompression.T, decompression.shape[1]).T
    tensors["output"] = xp.matmul(after, tensors["output"])
    if "up" in tensors:
        tensors["up"] = xp.pad(tensors["up"], ((0, 0), (0, 0), (0, context)))
        tensors["down"] = xp.pad(tensors["down"], ((0, 0), (0, context), (0, 0)))
    return tensors
