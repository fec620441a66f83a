"""What training minimizes, and what it reports of every step."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

LN2 = 0.6931471805599453


class Batch(NamedTuple):
    """Sequences with their answers, how much each counts (weights sum to one) and bits of each answer."""

    sequences: Int[jax.Array, "T S"]
    answers: Int[jax.Array, " T"]
    weight: Float[jax.Array, " T"]
    surprisal: Float[jax.Array, " T"]


class Report(NamedTuple):
    """Of one step, before its update: loss (nats), accuracy, bits memorized by an average sequence, all answers right."""

    loss: Float[jax.Array, "..."]
    accuracy: Float[jax.Array, "..."]
    bits: Float[jax.Array, "..."]
    whole: Bool[jax.Array, "..."]


def evaluate(logits: Float[jax.Array, "T N"], batch: Batch, bounded: bool) -> tuple[jax.Array, Report]:
    r"""Return the loss to differentiate and the report.

    With $p_t$ the probability of the right answer and $q_t = 2^{-\text{surprisal}}$ its prior, the cross-entropy is
    $-\ln p_t$ and the bounded loss

    $$\ln\frac{1 + q_t}{p_t + q_t}, \qquad \text{whose gradient is that of } -\ln p_t \text{ times } \frac{p_t}{p_t + q_t}:$$

    a smooth $-\max(0, \ln p_t / q_t)$, the bits that `attncap.measure.bits` counts. What the model cannot memorize costs
    at most its prior, so the capacity goes to what it can.

    Args:
        logits: one row a sequence.
        batch: the right answers.
        bounded: the second loss.
    """
    right = batch.answers[:, None] == jnp.arange(logits.shape[1])
    own = jnp.where(right, logits, 0.0).sum(axis=1)
    top = jax.lax.stop_gradient(logits.max(axis=1))
    log_p = own - top - jnp.log(jnp.exp(logits - top[:, None]).sum(axis=1))
    log_q = -batch.surprisal * LN2
    each = jnp.log1p(jnp.exp(log_q)) - jnp.logaddexp(log_p, log_q) if bounded else -log_p
    bits = jnp.maximum(0.0, log_p - log_q) / LN2
    correct = own >= top
    whole = jnp.all(correct | (batch.weight == 0))
    # The weights sum to one up to rounding, which must not show as an accuracy above it.
    accuracy = jnp.minimum(1.0, batch.weight @ correct)
    report = Report(batch.weight @ -log_p, accuracy, batch.weight @ bits, whole)
    return batch.weight @ each, report
