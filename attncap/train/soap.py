"""Adam in the eigenbasis of the gradients' second moments (SOAP)."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float


class Moments(NamedTuple):
    """Step, mean of the gradient, mean of its squares in the eigenbasis, second moments of both sides, bases."""

    step: jax.Array
    mean: Any
    square: Any
    left: Any
    right: Any
    left_basis: Any
    right_basis: Any


def scale_by_soap(
    b1: float = 0.95, b2: float = 0.95, shampoo: float = 0.95, every: int = 10, eps: float = 1e-8
) -> optax.GradientTransformation:
    r"""Return Adam run, for each matrix $G$ of a tensor, in the eigenbases of the means of $G G^\top$ and $G^\top G$.

    Args:
        b1: decay of the mean gradient.
        b2: decay of the squares.
        shampoo: decay of the second moments of the sides.
        every: steps between two updates of the bases, each one step of orthogonal iteration.
        eps: added to the root of the squares.

    Source: Vyas et al. 2024, "SOAP: Improving and Stabilizing Shampoo using Adam" (arXiv 2409.11321), algorithm 3.
    """

    def init(tensors: Any) -> Moments:
        def identity(axis: int, x: jax.Array) -> jax.Array:
            return jnp.broadcast_to(jnp.eye(x.shape[axis]), (*x.shape[:-2], x.shape[axis], x.shape[axis]))

        zeros = jax.tree.map(jnp.zeros_like, tensors)
        left, right = (jax.tree.map(partial(identity, axis), tensors) for axis in (-2, -1))
        nothing = [jax.tree.map(jnp.zeros_like, side) for side in (left, right)]
        return Moments(jnp.zeros((), jnp.int32), zeros, zeros, nothing[0], nothing[1], left, right)

    def update(gradient: Any, old: Moments, tensors: Any = None) -> tuple[Any, Moments]:
        count = old.step + 1
        mean = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, old.mean, gradient)
        left = jax.tree.map(lambda m, g: shampoo * m + (1 - shampoo) * g @ g.mT, old.left, gradient)
        right = jax.tree.map(lambda m, g: shampoo * m + (1 - shampoo) * g.mT @ g, old.right, gradient)

        def turned() -> tuple[Any, Any]:
            return jax.tree.map(orthogonal, left, old.left_basis), jax.tree.map(orthogonal, right, old.right_basis)

        def kept() -> tuple[Any, Any]:
            return old.left_basis, old.right_basis

        left_basis, right_basis = jax.lax.cond(count % every == 1, turned, kept)
        inside = jax.tree.map(into, gradient, left_basis, right_basis)
        square = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g**2, old.square, inside)
        first, second = 1 - b1**count, 1 - b2**count

        def step(m: jax.Array, v: jax.Array, u: jax.Array, w: jax.Array) -> jax.Array:
            scaled = into(m, u, w) / first / (jnp.sqrt(v / second) + eps)
            return u @ scaled @ w.mT

        updates = jax.tree.map(step, mean, square, left_basis, right_basis)
        return updates, Moments(count, mean, square, left, right, left_basis, right_basis)

    return optax.GradientTransformation(init, update)


def into(x: Float[jax.Array, "*stack m n"], left: jax.Array, right: jax.Array) -> Float[jax.Array, "*stack m n"]:
    """Express a matrix in the bases of its sides."""
    return left.mT @ x @ right


def orthogonal(moment: Float[jax.Array, "*stack m m"], basis: jax.Array) -> Float[jax.Array, "*stack m m"]:
    """Take one step of orthogonal iteration towards the eigenvectors."""
    # A side without gradient keeps a basis: zeros have no QR factor worth having.
    eye = jnp.eye(moment.shape[-1])
    return jnp.linalg.qr(moment @ basis + 1e-30 * eye)[0]
