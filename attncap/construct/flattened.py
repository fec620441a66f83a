"""Tensors as one point of a descent, each measured by its own root mean square, so that one step suits all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float

from attncap.models.layout import rounded

Tensors = dict[str, np.ndarray]
Pull = Callable[[Float[np.ndarray, "T d"]], Tensors]
# The measure of a tensor that starts at zero.
LEAST = 1e-6


@dataclass(frozen=True)
class Flattened:
    """Tensors that a descent may move.

    Attributes:
        tensors: by name, where to start.
        dtype: what their values are computed in.
        kept: tensors beside them that stay, in that type.
        rounding: whether their values are rounded to int8.
        strides: by name, root mean squares that a tensor is measured in: 1 where none is given.

    Example:
        >>> flattened = Flattened({"a": np.full((2, 1), 4.0), "b": np.ones(1)}, "float32")
        >>> flattened.start
        array([1., 1., 1.])
        >>> flattened.at(np.array([1.0, 2.0, 3.0]))["a"].ravel(), flattened.gradient(flattened.tensors)
        (array([4., 8.], dtype=float32), array([16., 16.,  1.]))
        >>> Flattened(flattened.tensors, "float32", strides={"a": 2.0}).start
        array([0.5, 0.5, 1. ])
    """

    tensors: Tensors
    dtype: str
    kept: Tensors = field(default_factory=dict)
    rounding: bool = False
    strides: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def scales(self) -> dict[str, float]:
        """The measure of each tensor: its root mean square at the start, times its stride."""
        return {
            name: self.strides.get(name, 1.0) * max(float(np.sqrt(np.mean(tensor**2))), LEAST)
            for name, tensor in self.tensors.items()
        }

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of the tensors, in the order of the point."""
        return tuple(tensor.shape for tensor in self.tensors.values())

    @cached_property
    def measures(self) -> Float[np.ndarray, " P"]:
        """The measure of each number of the point."""
        return np.repeat([self.scales[name] for name in self.tensors], [one.size for one in self.tensors.values()])

    @property
    def start(self) -> Float[np.ndarray, " P"]:
        """The point that the tensors are."""
        return np.concatenate([tensor.ravel() for tensor in self.tensors.values()]) / self.measures

    def at(self, point: Float[np.ndarray, " P"]) -> Tensors:
        """Return all tensors at another point."""
        flat, found, begin = (self.measures * point).astype(self.dtype), dict(self.kept), 0
        for name, tensor in self.tensors.items():
            one = flat[begin : begin + tensor.size].reshape(tensor.shape)
            found[name] = rounded(name, one) if self.rounding else one
            begin += tensor.size
        return found

    def gradient(self, by: Tensors) -> Float[np.ndarray, " P"]:
        """Return the gradient by the point, given that by the tensors."""
        flat = np.concatenate([by[name].ravel() for name in self.tensors])
        return (flat * self.measures.astype(flat.dtype)).astype(np.float64)
