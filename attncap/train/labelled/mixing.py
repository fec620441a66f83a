"""Softmax and average in one, with a backward pass of few reads and writes."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

Scores = Float[jax.Array, "T H S"]
Values = Float[jax.Array, "#T H dv S"]
Mixed = Float[jax.Array, "T H dv"]


@jax.custom_vjp
def mix(scores: Scores, values: Values) -> Mixed:
    r"""Return $\sum_s a_s v_s$ with $a = \operatorname{softmax}$ of the scores: $m$ below.

    Its derivatives are $\partial m / \partial v_s = a_s$ and $\partial m / \partial \text{score}_s = a_s (v_s - m)$,
    which take the weights and nothing else that is as large; automatic ones also follow the maximum and the sum.
    """
    return _forward(scores, values)[0]


def _forward(scores: Scores, values: Values) -> tuple[Mixed, tuple[Scores, Values, Mixed]]:
    raised = jnp.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = raised / raised.sum(axis=-1, keepdims=True)
    mixed = (weights[:, :, None] * values).sum(axis=-1)
    return mixed, (weights, values, mixed)


def _backward(kept: tuple[Scores, Values, Mixed], slope: Mixed) -> tuple[Scores, Values]:
    weights, values, mixed = kept
    carried = weights[:, :, None] * slope[..., None]
    to_values = carried.sum(axis=0, keepdims=True) if len(values) < len(weights) else carried
    return (carried * (values - mixed[..., None])).sum(axis=2), to_values


mix.defvjp(_forward, _backward)
