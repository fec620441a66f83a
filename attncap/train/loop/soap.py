"""Adam in the eigenbasis of the gradients' second moments (SOAP)."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float

# Of longer sides, a vocabulary's or a wide perceptron's, the basis would cost more than the step.
LARGEST = 128
# Numbers of a stack whose bases are updated at a time: column by column, which is slow beyond a core's own cache.
CACHED = 1 << 15


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
        tensors = jax.tree.map(matrices, tensors)

        def side(axis: int, x: jax.Array, fill: float) -> jax.Array:
            size = x.shape[axis] if x.shape[axis] <= LARGEST else 0
            return fill * jnp.broadcast_to(jnp.eye(size), (*x.shape[:-2], size, size))

        def sides(axis: int, fill: float) -> Any:
            return jax.tree.map(lambda x: side(axis, x, fill), tensors)

        mean, square = (jax.tree.map(jnp.zeros_like, tensors) for _ in range(2))
        return Moments(
            jnp.zeros((), jnp.int32), mean, square, sides(-2, 0.0), sides(-1, 0.0), sides(-2, 1.0), sides(-1, 1.0)
        )

    def update(gradient: Any, old: Moments, tensors: Any = None) -> tuple[Any, Moments]:
        given, gradient = gradient, jax.tree.map(matrices, gradient)
        count = old.step + 1
        mean = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, old.mean, gradient)
        left = jax.tree.map(partial(averaged, shampoo), old.left, gradient)
        right = jax.tree.map(lambda m, g: averaged(shampoo, m, g.mT), old.right, gradient)

        def turned() -> tuple[Any, Any]:
            return jax.tree.map(orthogonal, left, old.left_basis), jax.tree.map(orthogonal, right, old.right_basis)

        def kept() -> tuple[Any, Any]:
            return old.left_basis, old.right_basis

        left_basis, right_basis = jax.lax.cond(count % every == 1, turned, kept)
        inside = jax.tree.map(into, gradient, left_basis, right_basis)
        square = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g**2, old.square, inside)
        first, second = 1 - b1**count, 1 - b2**count

        def step(m: jax.Array, v: jax.Array, u: jax.Array, w: jax.Array) -> jax.Array:
            return into(into(m, u, w) / first / (jnp.sqrt(v / second) + eps), u.mT, w.mT)

        updates = jax.tree.map(step, mean, square, left_basis, right_basis)
        updates = jax.tree.map(lambda x, like: x.reshape(like.shape), updates, given)
        return updates, Moments(count, mean, square, left, right, left_basis, right_basis)

    return optax.GradientTransformation(init, update)


def matrices(x: jax.Array) -> jax.Array:
    """Return a vector of each of several models, stacked along the first axis, as a matrix of one row."""
    return x[:, None] if x.ndim == 2 and len(x) > 1 else x


def averaged(decay: float, moment: jax.Array, gradient: Float[jax.Array, "*stack m n"]) -> jax.Array:
    """Move the second moment of the rows of a gradient towards this one; that of a side left alone is empty."""
    return decay * moment + (1 - decay) * gradient @ gradient.mT if moment.size else moment


def into(x: Float[jax.Array, "*stack m n"], left: jax.Array, right: jax.Array) -> Float[jax.Array, "*stack m n"]:
    """Express a matrix in the bases of its sides; one that is empty leaves its side as it is."""
    x = left.mT @ x if left.size else x
    return x @ right if right.size else x


def orthogonal(moment: Float[jax.Array, "*stack m m"], basis: jax.Array) -> Float[jax.Array, "*stack m m"]:
    """Take one step of orthogonal iteration towards the eigenvectors, a few matrices of the stack at a time."""
    size = moment.shape[-1]
    if size == 0:
        return basis
    pairs = [x.reshape(-1, size, size) for x in (moment, basis)]
    turned = jax.lax.map(lambda pair: unitary(pair[0] @ pair[1]), pairs, batch_size=-(-CACHED // size**2))
    return turned.reshape(basis.shape)


def unitary(matrix: Float[jax.Array, "m m"]) -> Float[jax.Array, "m m"]:
    """Return Q of a matrix's factorization QR.

    It is by Householder reflections here and not by `jax.numpy.linalg.qr`: two batched calls of LAPACK in one compiled
    loop wait for each other's threads for ever on processors of few cores.
    """
    size = len(matrix)
    places = jnp.arange(size)

    def reflect(column: jax.Array, factors: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        upper, turned = factors
        x = jnp.where(places < column, 0.0, upper[:, column])
        # Squares of small numbers vanish; a column of zeros stays one and is left alone.
        x /= jnp.maximum(jnp.abs(x).max(), 1e-30)
        norm = jnp.linalg.norm(x)
        mirror = x + jnp.where(places == column, jnp.where(x < 0, -norm, norm), 0.0)
        mirror *= jnp.sqrt(2.0) / jnp.maximum(jnp.linalg.norm(mirror), 1e-15)
        upper -= mirror[:, None] * (mirror @ upper)
        turned -= (turned @ mirror[:, None]) * mirror
        return upper, turned

    return jax.lax.fori_loop(0, size, reflect, (matrix, jnp.eye(size)))[1]
