"""Coordinates for a descent in which the gradients of an earlier one have about one size, in SOAP's bases."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Float

# Of longer sides the basis would cost more than the evaluations that it saves.
LONGEST = 128
# How far gradients are evened out: 0 not at all, 1 to one size.
EVENED = 0.6
# No coordinate is stretched or shrunk by more, against the middle one.
MOST = 30.0

Point = Float[np.ndarray, " P"]
Stack = Float[np.ndarray, "*stack m n"]
Basis = Float[np.ndarray, "*stack k k"] | None


@dataclass(frozen=True)
class Turned:
    r"""Coordinates $Y$ of one tensor: $X = U (D \circ Y) V^\top$ for each matrix $X$ of it.

    Attributes:
        place: of the tensor in the point.
        left: $U$, orthogonal; None for the identity.
        right: $V$, the same.
        stretch: $D$.
    """

    place: slice
    left: Float[np.ndarray, "*stack m m"] | None
    right: Float[np.ndarray, "*stack n n"] | None
    stretch: Stack

    def outward(self, y: Stack) -> Stack:
        """Return the tensor at some coordinates."""
        x = self.stretch * y
        x = x if self.left is None else self.left @ x
        return x if self.right is None else x @ self.right.swapaxes(-1, -2)

    def turned(self, x: Stack) -> Stack:
        """Return a tensor in the bases."""
        x = x if self.left is None else self.left.swapaxes(-1, -2) @ x
        return x if self.right is None else x @ self.right


@dataclass(frozen=True)
class Metric:
    """Coordinates of a point that holds several tensors.

    Attributes:
        tensors: the coordinates of each.
    """

    tensors: tuple[Turned, ...]

    def outward(self, inner: Point) -> Point:
        """Return the point at some coordinates."""
        return self._each(inner, Turned.outward)

    def inward(self, point: Point) -> Point:
        """Return the coordinates of a point."""
        return self._each(point, lambda one, x: one.turned(x) / one.stretch)

    def pulled(self, gradient: Point) -> Point:
        """Return the gradient by the coordinates, given that by the point."""
        return self._each(gradient, lambda one, x: one.turned(x) * one.stretch)

    def _each(self, flat: Point, change: Callable[[Turned, Stack], Stack]) -> Point:
        changed = (change(one, flat[one.place].reshape(one.stretch.shape)) for one in self.tensors)
        return np.concatenate([part.ravel() for part in changed])


def learned(gradients: Float[np.ndarray, "K P"], shapes: Sequence[tuple[int, ...]]) -> Metric:
    r"""Return coordinates in which gradients like these have about one size.

    $U$ and $V$ are the eigenvectors of the means of $G G^\top$ and $G^\top G$, and $D$ is a power of the root mean
    square of $U^\top G V$.

    Args:
        gradients: of points on the way of a descent.
        shapes: of the tensors that a point holds, in order, each of two axes or more.

    Example:
        >>> gradients = np.random.default_rng(0).standard_normal((50, 6)) * [100, 100, 100, 1, 1, 1]
        >>> metric = learned(gradients, [(1, 3), (3, 1)])
        >>> np.allclose(metric.outward(metric.inward(gradients[0])), gradients[0])
        True
        >>> pulled = np.array([metric.pulled(one) for one in gradients]).std(axis=0)
        >>> bool(pulled[:3].mean() / pulled[3:].mean() < 10)
        True

    Source: Vyas et al. 2024, "SOAP: Improving and Stabilizing Shampoo using Adam" (arXiv 2409.11321), of the bases.
    """
    found: list[tuple[slice, Basis, Basis, Stack]] = []
    begin = 0
    # Neighbours whose matrices have one shape are turned as one stack.
    for sides, group in groupby(shapes, lambda shape: shape[-2:]):
        place = slice(begin, begin := begin + sum(map(math.prod, group)))
        own = gradients[:, place].reshape(len(gradients), -1, *sides)
        # The gradients side by side, along either side.
        left, right = (_basis(np.moveaxis(side, 0, -2)) for side in (own, own.swapaxes(-1, -2)))
        turned = Turned(place, left, right, np.ones(own.shape[1:])).turned(own)
        found.append((place, left, right, np.sqrt((turned**2).mean(axis=0))))
    sizes = np.concatenate([size.ravel() for *_, size in found])
    middle = np.median(sizes[sizes > 0]) if sizes.any() else 1.0
    with np.errstate(divide="ignore"):
        return Metric(
            tuple(
                Turned(place, left, right, np.clip((size / middle) ** -EVENED, 1 / MOST, MOST))
                for place, left, right, size in found
            )
        )


def _basis(gradients: Float[np.ndarray, "*stack m K n"]) -> Basis:
    r"""Return the eigenvectors of the sum of $G G^\top$."""
    size = gradients.shape[-3]
    if not 1 < size <= LONGEST:
        return None
    wide = gradients.reshape(*gradients.shape[:-2], -1)
    return np.linalg.eigh((wide @ wide.swapaxes(-1, -2)).astype(np.float64))[1]
