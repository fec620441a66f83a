"""What training minimizes, and what it reports of every step."""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from attncap.models.attention import Array
from attncap.train.loop.problem import Report

LN2 = 0.6931471805599453


class Batch(NamedTuple):
    """Sequences with their answers, how much each counts (weights sum to one) and bits of each answer."""

    sequences: Int[Array, "T S"]
    answers: Int[Array, " T"]
    weight: Float[Array, " T"]
    surprisal: Float[Array, " T"]


@runtime_checkable
class Answered(Protocol):
    """What the loss reads of a batch."""

    @property
    def answers(self) -> Int[Array, " T"]:
        """The right answers."""

    @property
    def weight(self) -> Float[Array, " T"]:
        """How much each counts; together one."""

    @property
    def surprisal(self) -> Float[Array, " T"]:
        """Bits of each answer."""


def evaluate(
    logits: Float[Array, "T N"], batch: Answered, forget: Float[Array, ""] | None = None
) -> tuple[Float[Array, ""], Report]:
    r"""Return the loss to differentiate, in nats, and the report.

    With $p_t$ the probability of the right answer, $q_t = 2^{-\text{surprisal}}$ its prior and $\phi$ how much may be
    forgotten, the loss of a sequence is

    $$\ln\frac{1 + \phi}{p_t + \phi q_t}, \qquad
      \text{with the gradient of } -\ln p_t \text{ times } \frac{p_t}{p_t + \phi q_t}.$$

    It is the length of the answer in the code that mixes model and prior,
    $-\ln((1 - \varepsilon) p_t + \varepsilon q_t)$ with $\varepsilon = \phi / (1 + \phi)$; for $\phi = 0$ the
    cross-entropy. What cannot be memorized has next to no gradient, and the capacity goes to what can.

    Args:
        logits: one row a sequence.
        batch: the right answers.
        forget: $\phi$; 0 by default.

    Returns:
        The loss, and the report with the cross-entropy in nats.
    """
    right = batch.answers[:, None] == jnp.arange(logits.shape[1])
    own = jnp.where(right, logits, 0.0).sum(axis=1)
    others = jnp.where(right, -jnp.inf, logits).max(axis=1)
    top = jax.lax.stop_gradient(jnp.maximum(own, others))
    log_p = own - top - jnp.log(jnp.exp(logits - top[:, None]).sum(axis=1))
    each = -log_p
    if forget is not None:
        each = jnp.log1p(forget) - jnp.logaddexp(log_p, jnp.log(forget) - batch.surprisal * LN2)
    correct = own > others
    whole = jnp.all(correct | (batch.weight == 0))
    # The weights sum to one up to rounding, which must not show as an accuracy above it.
    accuracy = jnp.minimum(1.0, batch.weight @ correct)
    return batch.weight @ each, Report(batch.weight @ -log_p, accuracy, whole)
