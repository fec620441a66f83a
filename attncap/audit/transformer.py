r"""The forward pass of every family, in float32, with what its attention did at each layer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import erf

from attncap.audit.families import Family, Settings
from attncap.constraints import Positive, Seed, checked
from attncap.errors import InputError
from attncap.numerics.memory import BUDGET, chunks, require

Weights = Mapping[str, np.ndarray]
# Of what one layer computes, so many copies are alive at once.
COPIES = 4


@dataclass(frozen=True)
class Step:
    """What one layer's attention saw and did, for a batch of B examples of n rows.

    Attributes:
        layer: its number, from 0.
        x: the layer's input: what the embedding or the block before gave.
        seen: what queries, keys and values are made of: x, or its norm.
        scores: what the softmax took, -inf where a row may not look.
        weights: what it gave.
    """

    layer: int
    x: Float[np.ndarray, "B n d"]
    seen: Float[np.ndarray, "B n d"]
    scores: Float[np.ndarray, "B H n n"]
    weights: Float[np.ndarray, "B H n n"]


@dataclass(frozen=True)
class Transformer:
    """A model whose weights are at hand.

    Attributes:
        name: of the checkpoint.
        family: how it is built.
        settings: its numbers.
        shared: tensors outside the layers, by our names.
        layers: tensors of each layer, by our names; matrices are (in, out).
        tokenizer: turns text into ids, if the checkpoint has one.
        trained: False for a twin with random weights.
        bits_per_weight: that the checkpoint stores a weight in, on average.
    """

    name: str
    family: Family
    settings: Settings
    shared: Weights
    layers: tuple[Weights, ...]
    tokenizer: Any = None
    trained: bool = True
    bits_per_weight: float = 32.0

    @property
    def parameters(self) -> dict[str, int]:
        """How many numbers attention, perceptrons, and everything else have."""
        groups = {"attention": ("query", "key", "value", "output", "fused"), "mlp": ("gate", "up", "down")}
        counted = dict.fromkeys((*groups, "other"), 0)
        for layer in self.layers:
            for name, tensor in layer.items():
                part = next((one for one, stems in groups.items() if name.removesuffix("_bias") in stems), "other")
                counted[part] += tensor.size
        counted["other"] += sum(tensor.size for tensor in self.shared.values())
        return counted | {"total": sum(counted.values())}

    def embed(self, inputs: Any) -> Float[np.ndarray, "B n d"]:
        """Return what the first layer takes.

        Args:
            inputs: token ids (B, n), or images (B, 3, height, width) as the model's own preprocessing leaves them.

        Raises:
            InputError: another shape, ids beyond the vocabulary, or more rows than the model has positions for.
        """
        x = self._patches(inputs) if self.family.images else self._tokens(inputs)
        if "first_norm" in self.shared:
            x = self._norm(x, self.shared, "first_norm")
        return x

    def steps(self, inputs: Any) -> Iterator[Step]:
        """Yield what every layer's attention saw and did; the rest of a block waits until the next is asked for."""
        x = self.embed(inputs)
        for number, layer in enumerate(self.layers):
            step, mixed = self._attention(number, layer, x)
            yield step
            x = self._rest(layer, x, mixed)

    def last(self, inputs: Any) -> Float[np.ndarray, "B n d"]:
        """Return what the last block gives."""
        x = self.embed(inputs)
        for number, layer in enumerate(self.layers):
            x = self._rest(layer, x, self._attention(number, layer, x)[1])
        return x

    def logits(self, x: Float[np.ndarray, "*B d"]) -> Float[np.ndarray, "*B N"]:
        """Return the logits of the token after each given row of the last block's output.

        Raises:
            InputError: the model is no causal language model.
        """
        if not self.family.causal:
            raise InputError(f"{self.name}: a {self.family.name} model predicts no next token; give a causal model")
        final = self._norm(x, self.shared, "last_norm") if "last_norm" in self.shared else x
        return final @ self.shared.get("unembedding", self.shared["token"]).T

    def batches(self, count: int, rows: int) -> Iterator[slice]:
        """Yield slices of examples that fit into memory together, and refuse one that does not.

        Args:
            count: examples.
            rows: n of each.
        """
        wide = max([self.settings.dim * 6, *(layer["up"].shape[1] * 3 for layer in self.layers[:1])])
        each = 4 * COPIES * (rows * wide + self.settings.heads * rows**2)
        require(float(each), f"one example of {rows:,} rows", "give shorter inputs")
        return chunks(count, each, 4 * BUDGET)

    def _tokens(self, ids: Any) -> Float[np.ndarray, "B n d"]:
        ids, table = np.asarray(ids), self.shared["token"]
        if ids.ndim != 2 or ids.dtype.kind not in "iu":
            raise InputError("inputs", "token ids of shape (examples, n)", f"{ids.dtype} {ids.shape}")
        if ids.size and not 0 <= ids.min() <= ids.max() < len(table):
            raise InputError("inputs", f"token ids from 0 to {len(table) - 1:,}", f"{ids.min()} to {ids.max()}")
        if ids.shape[1] > self.settings.positions:
            raise InputError("inputs", f"at most {self.settings.positions:,} tokens a context", ids.shape[1])
        x = table[ids]
        if "position" in self.shared:
            x = x + self.shared["position"][: ids.shape[1]]
        return x + self.shared["kinds"][0] if "kinds" in self.shared else x

    def _patches(self, images: Any) -> Float[np.ndarray, "B n d"]:
        images, weight = np.asarray(images, dtype=np.float32), self.shared["patch"]
        dim, channels, side, _ = weight.shape
        if images.ndim != 4 or images.shape[1] != channels or any(size % side for size in images.shape[2:]):
            expected = f"images of shape (examples, {channels}, height, width), sides multiples of {side}"
            raise InputError("inputs", expected, images.shape)
        count, _, height, width = images.shape
        down, across = height // side, width // side
        cut = images.reshape(count, channels, down, side, across, side).transpose(0, 2, 4, 1, 3, 5)
        x = cut.reshape(count, down * across, -1) @ weight.reshape(dim, -1).T + self.shared["patch_bias"]
        token = np.broadcast_to(self.shared["class_token"].reshape(1, 1, dim), (count, 1, dim))
        return np.concatenate([token, x], axis=1) + resized(self.shared["position"][0], down, across)

    def _attention(self, number: int, layer: Weights, x: Float[np.ndarray, "B n d"]) -> tuple[Step, np.ndarray]:
        """Return the step, and the heads' averages side by side."""
        seen = x if self.family.post else self._norm(x, layer, "norm1")
        count, rows, _ = seen.shape
        query, key, value = (self._heads(layer, seen, name) for name in ("query", "key", "value"))
        shared = query.reshape(count, self.settings.key_heads, -1, rows, self.settings.head_dim)
        scores = shared @ key[:, :, None].swapaxes(-1, -2) * np.float32(self.settings.head_dim**-0.5)
        scores = scores.reshape(count, -1, rows, rows)
        if self.family.causal:
            scores[:, :, ~np.tri(rows, dtype=bool)] = -np.inf
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        grouped = weights.reshape(*shared.shape[:3], rows, rows) @ value[:, :, None]
        mixed = grouped.reshape(count, -1, rows, self.settings.head_dim).swapaxes(1, 2).reshape(count, rows, -1)
        return Step(number, x, seen, scores, weights), mixed

    def _rest(self, layer: Weights, x: Float[np.ndarray, "B n d"], mixed: np.ndarray) -> Float[np.ndarray, "B n d"]:
        """Return what a block gives, of its input and its heads' averages."""
        post = self.family.post
        middle = x + _linear(mixed, layer, "output") * layer.get("scale1", np.float32(1))
        middle = self._norm(middle, layer, "norm1") if post else middle
        inner = middle if post else self._norm(middle, layer, "norm2")
        out = middle + self._perceptron(layer, inner) * layer.get("scale2", np.float32(1))
        return self._norm(out, layer, "norm2") if post else out

    def _heads(self, layer: Weights, seen: np.ndarray, name: str) -> Float[np.ndarray, "B h n dh"]:
        """Return the queries, keys or values of every head, rotated where the family rotates."""
        out = _linear(seen, layer, name).reshape(*seen.shape[:2], -1, self.settings.head_dim).swapaxes(1, 2)
        if f"{name}_norm" in layer:
            out = self._norm(out, layer, f"{name}_norm")
        if not self.family.rotary or name == "value":
            return out
        return rotated(out, self.settings.theta, self.settings.spacing, self.family.rotary == "pairs")

    def _perceptron(self, layer: Weights, x: np.ndarray) -> np.ndarray:
        up = _linear(x, layer, "up")
        if "gate" in layer:
            return _linear(activated(_linear(x, layer, "gate"), self.settings.activation) * up, layer, "down")
        return _linear(activated(up, self.settings.activation), layer, "down")

    def _norm(self, x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
        if self.family.norm == "rms":
            scale = np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(self.settings.eps))
            return x / scale * weights[name]
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(self.settings.eps))
        return centred / scale * weights[name] + weights[f"{name}_bias"]


def _linear(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    out = x @ weights[name]
    return out + weights[f"{name}_bias"] if f"{name}_bias" in weights else out


def activated(x: np.ndarray, name: str) -> np.ndarray:
    """Apply a perceptron's nonlinearity.

    Raises:
        InputError: one that we do not know.
    """
    if name == "gelu":
        return x * (1 + erf(x * np.float32(0.5**0.5))) / 2
    if name in ("gelu_new", "gelu_pytorch_tanh", "gelu_fast"):
        return x * (1 + np.tanh(np.float32((2 / np.pi) ** 0.5) * (x + np.float32(0.044715) * x**3))) / 2
    if name == "silu":
        return x / (1 + np.exp(-np.maximum(x, -80)))
    if name == "relu":
        return np.maximum(x, 0)
    raise InputError("hidden_act", "gelu, gelu_new, silu or relu", name)


def rotated(x: Float[np.ndarray, "B h n dh"], theta: float, spacing: float, pairs: bool) -> np.ndarray:
    r"""Rotate each pair of numbers by $m\,\theta^{-2i/d_h}$ at row $m$: halves against each other, or neighbours.

    Source: Su et al. 2021, "RoFormer" (arXiv 2104.09864).
    """
    rows, size = x.shape[-2:]
    angles = np.outer(np.arange(rows) / spacing, theta ** (-np.arange(0, size, 2) / size))
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    first, second = (x[..., 0::2], x[..., 1::2]) if pairs else (x[..., : size // 2], x[..., size // 2 :])
    turned = (first * cos - second * sin, first * sin + second * cos)
    return np.stack(turned, axis=-1).reshape(x.shape) if pairs else np.concatenate(turned, axis=-1)


def resized(position: Float[np.ndarray, "m d"], down: int, across: int) -> Float[np.ndarray, "n d"]:
    """Resize the positions of a square grid of patches, the first row apart, by cubic convolution as PyTorch does.

    Example:
        >>> resized(np.ones((1 + 9, 2)), 2, 2).shape
        (5, 2)
    """
    side = round((len(position) - 1) ** 0.5)
    if (down, across) == (side, side):
        return position
    grid = position[1:].reshape(side, side, -1)
    grid = np.einsum("ij,jkd->ikd", _cubic(side, down), grid)
    grid = np.einsum("ij,kjd->kid", _cubic(side, across), grid)
    return np.concatenate([position[:1], grid.reshape(down * across, -1)]).astype(position.dtype)


def _cubic(old: int, new: int, a: float = -0.75) -> Float[np.ndarray, "new old"]:
    """Return the weights of cubic convolution (Keys 1981) from old places to new ones, ends repeated."""
    matrix = np.zeros((new, old))
    places = (np.arange(new) + 0.5) * old / new - 0.5
    for tap in range(-1, 3):
        at = np.floor(places) + tap
        far = np.abs(places - at)
        near = ((a + 2) * far - (a + 3)) * far**2 + 1
        tail = a * (((far - 5) * far + 8) * far - 4)
        np.add.at(matrix, (np.arange(new), np.clip(at, 0, old - 1).astype(int)), np.where(far <= 1, near, tail))
    return matrix


@checked
def twin(model: Transformer, seed: Seed = 0, deviation: Positive = 0.02) -> Transformer:
    """Return an untrained model of the same shape: Gaussian matrices, norms and scales 1, biases 0.

    Args:
        model: whose shape to take.
        seed: of the draws.
        deviation: of the Gaussians; 0.02 is what BERT, GPT-2, Llama and ViT start from.
    """
    rng = np.random.default_rng(seed)

    def fresh(name: str, tensor: np.ndarray) -> np.ndarray:
        if name.endswith("_bias"):
            return np.zeros_like(tensor)
        if "norm" in name or name.startswith("scale"):
            return np.ones_like(tensor)
        return rng.standard_normal(tensor.shape, dtype=np.float32) * np.float32(deviation)

    shared, *layers = (
        {name: fresh(name, tensor) for name, tensor in part.items()} for part in (model.shared, *model.layers)
    )
    return replace(model, name=f"{model.name}, untrained", shared=shared, layers=tuple(layers), trained=False)
