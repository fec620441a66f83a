r"""What the heads of a layer do: how sharply they attend, how their scores are spread, and what their matrices are."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attncap.audit.query_key import QueryKey, query_key
from attncap.audit.transformer import Step, Transformer
from attncap.result import Result

# A weight above it is saturated: the threshold of Mahdavi et al.
SATURATED = 0.99


@dataclass(frozen=True)
class Rows:
    """The scores and the weights of the queries that are audited."""

    scores: Float[np.ndarray, "T H n"]
    weights: Float[np.ndarray, "T H n"]

    @classmethod
    def of(cls, step: Step, row: int) -> "Rows":
        """Keep one row of a step."""
        return cls(step.scores[:, :, row], step.weights[:, :, row])

    @classmethod
    def join(cls, parts: "list[Rows]") -> "Rows":
        """Put batches together."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("scores", "weights")))


@dataclass(frozen=True)
class Head(Result):
    r"""One head of one layer, over the audited queries.

    Attributes:
        head: its number, from 0.
        saturation: share of the queries whose largest weight exceeds 0.99.
        largest: mean of the largest weight.
        entropy: mean entropy of the weights in bits, at most $\log_2 n$.
        temperature: effective temperature: 1 over the standard deviation of a query's scores.
        skewness: of the standardised scores; 0 for a Gaussian.
        a1: $E\, z (n a - 1)$ of the weights $a$ and the standardised scores $z$: the linear part of the softmax.
        nu: $E (n a - 1)^2$: its whole power. Gaussian scores give $a_1 = \beta$, $\nu = e^{\beta^2} - 1$.
        query_key: how far $W_K^\top W_Q$ is from a scaled identity plus low rank.
    """

    head: int
    saturation: float
    largest: float
    entropy: float
    temperature: float
    skewness: float
    a1: float
    nu: float
    query_key: QueryKey


def saturation(rows: Rows) -> float:
    """Return the share of queries and heads whose largest weight exceeds 0.99.

    Example:
        >>> even = np.full((3, 2, 4), 0.25, np.float32)
        >>> saturation(Rows(even, even)), saturation(Rows(even, np.eye(4, dtype=np.float32)[[[0, 1]] * 3]))
        (0.0, 1.0)
    """
    return float((rows.weights.max(axis=-1) > SATURATED).mean())


def heads(model: Transformer, layer: int, rows: Rows, seed: int = 0) -> list[Head]:
    """Describe every head of a layer.

    Args:
        model: whose matrices are compared.
        layer: its number.
        rows: scores and weights of the audited queries.
        seed: of the random matrices beside the model's.
    """
    share = model.settings.heads // model.settings.key_heads
    size, weights = model.settings.head_dim, model.layers[layer]
    found = []
    for head in range(model.settings.heads):
        scores, attention = (each[:, head].astype(np.float64) for each in (rows.scores, rows.weights))
        centred = scores - scores.mean(axis=1, keepdims=True)
        spread = centred.std(axis=1, keepdims=True)
        z = centred / np.where(spread > 0, spread, 1)
        excess = attention.shape[1] * attention - 1
        logs = np.log2(attention, where=attention > 0, out=np.zeros_like(attention))
        top, typical = attention.max(axis=1), float(spread.mean())
        query = weights["query"][:, head * size : (head + 1) * size]
        key = weights["key"][:, head // share * size : (head // share + 1) * size]
        found.append(
            Head(
                head=head,
                saturation=float((top > SATURATED).mean()),
                largest=float(top.mean()),
                entropy=float(-(attention * logs).sum(axis=1).mean()),
                temperature=1 / typical if typical > 0 else np.inf,
                skewness=float((z**3).mean()),
                a1=float((z * excess).mean()),
                nu=float((excess**2).mean()),
                query_key=query_key(query, key, seed=seed + head),
            )
        )
    return found
